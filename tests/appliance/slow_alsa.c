/* A sound card that takes its time to open: loaded before alsa-lib, it delays the call by CRIER_TEST_DELAY_S. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int snd_pcm_open(void **pcm, const char *name, int stream, int mode)
{
	int (*next)(void **, const char *, int, int);
	const char *delay_s = getenv("CRIER_TEST_DELAY_S");

	next = (int (*)(void **, const char *, int, int))dlsym(RTLD_NEXT, "snd_pcm_open");
	if (delay_s)
		sleep((unsigned)atoi(delay_s));
	return next(pcm, name, stream, mode);
}
