/* The parent allocates, forks a child that allocates in its turn, and goes on. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void churn(int n, size_t size)
{
    for (int i = 0; i < n; i++) {
        void *volatile block = malloc(size);
        free(block);
    }
}

int main(void)
{
    void *volatile kept = malloc(11);
    churn(1000, 100);
    pid_t child = fork();
    if (child == 0) {
        churn(500, 200);
        free(kept);
        _exit(0);
    }
    churn(1000, 100);
    int status;
    waitpid(child, &status, 0);
    free(kept);
    return WEXITSTATUS(status);
}
