/* What a language server says of a Python file: completions at a place, and the symbols of the project. */
#include <daytona.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static daytona_client_t client;
static daytona_sandbox_t sandbox;
static char *out;                                     /* what the last call gave */

static void end(int code)
{
    if (sandbox)
        daytona_sandbox_delete(sandbox, NULL, NULL, NULL);
    daytona_close(sandbox);
    daytona_close(client);
    daytona_shutdown(10000);
    exit(code);
}

/* The result of a call that succeeded; otherwise says why it did not, and ends. */
static char *must(int32_t status)
{
    if (status) {
        fprintf(stderr, "%s: %s\n", daytona_status_name(status), out);
        daytona_free(out);
        end(1);
    }
    return out;
}

/* The same, where the result says nothing. */
static void done(int32_t status)
{
    daytona_free(must(status));
}

/* Prints a text of each member of an array: its label, or its name. */
static void print_each(char *json, const char *array, const char *key)
{
    char pointer[64], *text = NULL;
    size_t count = 0;

    daytona_json_count(json, array, &count);
    for (size_t i = 0; i < count; i++) {
        snprintf(pointer, sizeof pointer, "%s/%zu/%s", array, i, key);
        if (!daytona_json_text(json, pointer, &text, NULL))
            printf("%s %s\n", key, text);
        daytona_free(text);
    }
    daytona_free(json);
}

int main(void)
{
    static const char source[] = "class Greeter:\n    def greet(self):\n        pass\n\nGreeter().gr\n";
    char *home, project[4096];

    must(daytona_client_open(NULL, &client, &out));
    done(daytona_sandbox_create(client, NULL, &sandbox, &out, NULL));
    must(daytona_sandbox_home_dir(sandbox, NULL, &out, NULL));
    if (daytona_json_text(out, "/dir", &home, NULL))
        end(1);
    snprintf(project, sizeof project, "%s/project", home);
    daytona_free(home);
    daytona_free(out);
    done(daytona_files_mkdir(sandbox, "project", NULL, &out, NULL));
    done(daytona_files_write(sandbox, "project/main.py", (const uint8_t *)source, strlen(source), NULL, &out,
                             NULL));

    done(daytona_lsp_start(sandbox, "python", project, NULL, &out, NULL));
    done(daytona_lsp_did_open(sandbox, "python", project, "main.py", NULL, &out, NULL));
    must(daytona_lsp_completions(sandbox, "python", project, "main.py", 4, 12, NULL, &out, NULL));
    print_each(out, "/items", "label");
    must(daytona_lsp_workspace_symbols(sandbox, "python", project, "Greet", NULL, &out, NULL));
    print_each(out, "", "name");
    done(daytona_lsp_did_close(sandbox, "python", project, "main.py", NULL, &out, NULL));
    done(daytona_lsp_stop(sandbox, "python", project, NULL, &out, NULL));
    end(0);
}
