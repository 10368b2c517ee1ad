/* Reads a text of the library after it was freed. */
#include <daytona.h>

int main(void)
{
    char *text;
    if (daytona_json_quote("text", 4, &text))
        return 1;
    daytona_free(text);
    return *(volatile char *)text == 0;
}
