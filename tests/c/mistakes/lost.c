/* Loses a text of the library. */
#include <daytona.h>

int main(void)
{
    char *text;
    if (daytona_json_quote("text", 4, &text))
        return 1;
    /* Not from the stack either, where what was called last may have left it. */
    *(char *volatile *)&text = NULL;
    return daytona_json_quote("other", 5, &text) ? 1 : (daytona_free(text), 0);
}
