/* A sound card whose driver takes its time, and is reset once: loaded before alsa-lib. The first opening, write, drain
 * and close, and the opening after the reset, are each delayed by CRIER_TEST_DELAY_S; the second write finds the card
 * gone. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void wait_for_driver(void)
{
	const char *delay_s = getenv("CRIER_TEST_DELAY_S");

	if (delay_s)
		sleep((unsigned)atoi(delay_s));
}

int snd_pcm_open(void **pcm, const char *name, int stream, int mode)
{
	static int calls;

	if (calls++ < 2)
		wait_for_driver();
	return NEXT(snd_pcm_open)(pcm, name, stream, mode);
}

long snd_pcm_writei(void *pcm, const void *frames, unsigned long count)
{
	static int calls;

	calls++;
	if (calls == 1)
		wait_for_driver();
	return calls == 2 ? -ENODEV : NEXT(snd_pcm_writei)(pcm, frames, count);
}

int snd_pcm_drain(void *pcm)
{
	static int calls;

	if (calls++ == 0)
		wait_for_driver();
	return NEXT(snd_pcm_drain)(pcm);
}

int snd_pcm_close(void *pcm)
{
	static int calls;

	if (calls++ == 0)
		wait_for_driver();
	return NEXT(snd_pcm_close)(pcm);
}
