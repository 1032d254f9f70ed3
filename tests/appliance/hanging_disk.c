/* A disk that hangs: loaded before libc, it lets no fsync return while the file CRIER_TEST_HANG exists. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_disk(void)
{
	const char *hang = getenv("CRIER_TEST_HANG");

	while (hang && access(hang, F_OK) == 0)
		usleep(100000);
}

int fsync(int fd)
{
	wait_for_disk();
	return ((__typeof__(&fsync))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
	wait_for_disk();
	return ((__typeof__(&fdatasync))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
