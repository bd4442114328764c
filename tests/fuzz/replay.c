/* SPDX-License-Identifier: BSD-2-Clause */
/* Feeds every file of the folders given as arguments to a fuzz target, so that the corpus is a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return -1;
	static uint8_t data[1 << 20];
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* A copy of the exact size lets the sanitizers see the first byte past the end. */
	uint8_t *exact = malloc(size ? size : 1);
	if (exact == NULL)
		return -1;
	__builtin_memcpy(exact, data, size);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

static int folder_replay(const char *folder)
{
	DIR *dir = opendir(folder);
	if (dir == NULL)
		return -1;
	int files = 0;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (file_replay(path) == 0)
			files++;
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int files = folder_replay(argv[i]);
		if (files <= 0) {
			fprintf(stderr, "%s: no corpus files\n", argv[i]);
			return EXIT_FAILURE;
		}
		printf("%s: %d inputs replayed\n", argv[i], files);
	}
	return EXIT_SUCCESS;
}
