// A sound card for tests, as a plug-in of alsa-lib: it plays its ring buffer by the monotonic clock, writes what it has
// played to a file, has underruns as hardware does, and does only the rate, channels and format it was configured with.
//
//   pcm_type.paced { lib "/…/libpaced.so" }
//   pcm.card { type paced file "/…/played.raw" rate 48000 channels 2 }
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
	snd_pcm_ioplug_t io;
	FILE *file;
	int running;
	uint64_t began_ns;
	uint64_t played;
} paced_t;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + now.tv_nsec;
}

// Plays up to now; returns 1 when it had less than was due.
static int play(paced_t *card)
{
	snd_pcm_ioplug_t *io = &card->io;
	if (!card->running)
		return 0;
	uint64_t due = (now_ns() - card->began_ns) * io->rate / 1000000000ull;
	uint64_t end = due < io->appl_ptr ? due : io->appl_ptr;
	const snd_pcm_channel_area_t *area = snd_pcm_ioplug_mmap_areas(io);
	while (area && card->played < end) {
		uint64_t at = card->played % io->buffer_size;
		uint64_t count = end - card->played;
		if (count > io->buffer_size - at)
			count = io->buffer_size - at;
		size_t frame_bytes = area->step / 8;
		fwrite((char *)area->addr + at * frame_bytes, frame_bytes, count, card->file);
		card->played += count;
	}
	fflush(card->file);
	return due > io->appl_ptr;
}

static int paced_start(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	card->began_ns = now_ns();
	card->running = 1;
	return 0;
}

static int paced_stop(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	play(card);
	card->running = 0;
	return 0;
}

static int paced_prepare(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	card->running = 0;
	card->played = 0;
	return 0;
}

static snd_pcm_sframes_t paced_pointer(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	if (play(card) && io->state == SND_PCM_STATE_RUNNING) {
		card->running = 0;
		return -EPIPE;
	}
	return card->played;
}

// Never waits: the player is never blocked, neither by hardware.
static int paced_drain(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	play(card);
	return card->played < io->appl_ptr ? -EAGAIN : 0;
}

static int paced_close(snd_pcm_ioplug_t *io)
{
	paced_t *card = io->private_data;
	fclose(card->file);
	close(io->poll_fd);
	free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = paced_start,
	.stop = paced_stop,
	.prepare = paced_prepare,
	.pointer = paced_pointer,
	.drain = paced_drain,
	.close = paced_close,
};

static int constrain(snd_pcm_ioplug_t *io, long rate, long channels, int format)
{
	unsigned access[] = { SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED };
	unsigned formats[] = { format };
	int err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, access);
	if (err >= 0)
		err = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
	if (err >= 0)
		err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate);
	if (err >= 0)
		err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels);
	if (err >= 0)
		err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
	if (err >= 0)
		err = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 65536);
	return err;
}

SND_PCM_PLUGIN_DEFINE_FUNC(paced)
{
	const char *path = NULL, *format = "S16_LE";
	long rate = 48000, channels = 2;
	snd_config_iterator_t i, next;
	snd_config_for_each(i, next, conf) {
		snd_config_t *entry = snd_config_iterator_entry(i);
		const char *id;
		if (snd_config_get_id(entry, &id) < 0)
			continue;
		if (!strcmp(id, "file"))
			snd_config_get_string(entry, &path);
		else if (!strcmp(id, "format"))
			snd_config_get_string(entry, &format);
		else if (!strcmp(id, "rate"))
			snd_config_get_integer(entry, &rate);
		else if (!strcmp(id, "channels"))
			snd_config_get_integer(entry, &channels);
	}
	paced_t *card = calloc(1, sizeof(*card));
	if (!card || !path || !(card->file = fopen(path, "ab"))) {
		free(card);
		return -EINVAL;
	}
	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "paced sound card";
	card->io.callback = &callbacks;
	card->io.private_data = card;
	card->io.mmap_rw = 1;
	card->io.flags = SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
	card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	card->io.poll_events = POLLIN;
	int err = snd_pcm_ioplug_create(&card->io, name, stream, mode);
	if (err >= 0)
		err = constrain(&card->io, rate, channels, snd_pcm_format_value(format));
	if (err < 0) {
		fclose(card->file);
		free(card);
		return err;
	}
	*pcmp = card->io.pcm;
	return 0;
}

SND_PCM_PLUGIN_SYMBOL(paced);
