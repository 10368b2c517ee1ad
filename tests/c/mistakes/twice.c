/* Frees a text of the library twice. */
#include <daytona.h>

int main(void)
{
    char *text;
    if (daytona_json_quote("text", 4, &text))
        return 1;
    daytona_free(text);
    daytona_free(text);
    return 0;
}
