/* The roomline program. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("roomline " ROOMLINE_VERSION);
        return 0;
    }
    fputs("usage: roomline --version\n", stderr);
    return 2;
}
