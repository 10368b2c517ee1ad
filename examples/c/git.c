/* A change from a clone to its remote: branch, commit, push, and what git says of it. The remote is a bare repository
   of the sandbox; one on a server takes {"username":...,"password":...} as options of clone and push. */
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

/* Prints one text of a result. */
static void print(const char *what, char *json, const char *pointer)
{
    char *text = NULL;

    if (!daytona_json_text(json, pointer, &text, NULL))
        printf("%s %s\n", what, text);
    daytona_free(text);
    daytona_free(json);
}

int main(void)
{
    static const char make_remote[] =
        "git init -q --bare -b main remote.git && git clone -q remote.git seed 2>&1 && cd seed && echo one >one.txt && "
        "git add . && git -c user.name=Seed -c user.email=seed@example.com commit -q -m first && git push -q origin HEAD:main 2>&1";
    char *home, url[4096];

    must(daytona_client_open(NULL, &client, &out));
    done(daytona_sandbox_create(client, NULL, &sandbox, &out, NULL));
    done(daytona_process_execute(sandbox, make_remote, NULL, &out, NULL));
    must(daytona_sandbox_home_dir(sandbox, NULL, &out, NULL));
    if (daytona_json_text(out, "/dir", &home, NULL))
        end(1);
    snprintf(url, sizeof url, "file://%s/remote.git", home);
    daytona_free(home);
    daytona_free(out);

    done(daytona_git_clone(sandbox, url, "work", "{\"branch\":\"main\"}", &out, NULL));
    done(daytona_git_create_branch(sandbox, "work", "topic", NULL, &out, NULL));
    done(daytona_files_write(sandbox, "work/two.txt", (const uint8_t *)"two\n", 4, NULL, &out, NULL));
    print("untracked", must(daytona_git_status(sandbox, "work", NULL, &out, NULL)), "/fileStatus/0/name");
    done(daytona_git_add(sandbox, "work", "[\".\"]", NULL, &out, NULL));
    done(daytona_git_commit(sandbox, "work", "second", "Ada", "ada@example.com", NULL, &out, NULL));
    done(daytona_git_push(sandbox, "work", "{\"branch\":\"topic\",\"setUpstream\":true}", &out, NULL));
    print("on", must(daytona_git_status(sandbox, "work", NULL, &out, NULL)), "/currentBranch");
    print("newest", must(daytona_git_history(sandbox, "work", NULL, &out, NULL)), "/0/message");
    done(daytona_process_execute(sandbox, "git -C remote.git log --format=%s topic", NULL, &out, NULL));

    /* What fails says why, with git's own code. */
    if (daytona_git_checkout(sandbox, "work", "nowhere", NULL, &out, NULL))
        print("refused", out, "/code");
    end(0);
}
