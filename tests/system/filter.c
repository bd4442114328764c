// SPDX-License-Identifier: BSD-2-Clause
/*
 * An example of an external filter, and the one the tests and the benchmark use. It receives whole
 * DNS messages in unix datagrams, decides by the name asked for, and sends its verdict, a datagram
 * of text: the DNS ID in decimal ("4711"), with --text followed by a word ("4711 refuse").
 *
 * Both directions are batched. The socket that receives is bound and never connected, as a
 * connected one would take datagrams from its peer alone; verdicts leave through one of their own.
 */
#define _GNU_SOURCE /* recvmmsg */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define MESSAGE_MAX 65535
#define NAME_MAX_TEXT 256
#define RULES_MAX 32
#define PER_MESSAGE 2
#define DELAYED_MAX 65536
#define BLOB_SIZE 65536

enum verdict { PASS, REFUSE, DROP, SILENT };

static const char *const verdict_text[] = {"pass", "refuse", "drop", "silent"};

struct rule {
	const char *suffix;
	enum verdict verdict;
};

struct answer {
	uint64_t due_ms;
	uint16_t id;
	uint8_t verdict;
};

static struct options {
	const char *path, *to;
	struct rule rules[RULES_MAX];
	unsigned int rule_count;
	unsigned int delay_ms;
	bool text, twice, garbage, blob, unknown_id;
} options;

static volatile sig_atomic_t stopping;

/* Answers wait here in the order of their due time, which is the order they came in. */
static struct answer delayed[DELAYED_MAX];
static uint32_t delayed_head, delayed_tail;

static uint8_t messages[BATCH][MESSAGE_MAX];
static uint8_t blob[BLOB_SIZE];
static int verdict_fd = -1;
static uint64_t received, sent, unsent;

static void on_signal(int signal)
{
	(void)signal;
	stopping = 1;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int address_fill(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

/* The name of the first question as text without the last dot; false when there is none. */
static bool question_name(const uint8_t *message, size_t length, char name[NAME_MAX_TEXT])
{
	size_t at = 12, out = 0;

	if (length < 12 || (message[4] == 0 && message[5] == 0))
		return false;
	while (at < length && message[at] != 0) {
		size_t label = message[at++];

		if (label > 63 || label > length - at || out + label + 2 > NAME_MAX_TEXT)
			return false;
		if (out > 0)
			name[out++] = '.';
		memcpy(name + out, message + at, label);
		out += label;
		at += label;
	}
	name[out] = '\0';
	return at < length;
}

static bool name_under(const char *name, const char *suffix)
{
	size_t n = strlen(name), s = strlen(suffix);

	if (n < s || strcasecmp(name + n - s, suffix) != 0)
		return false;
	return n == s || s == 0 || name[n - s - 1] == '.';
}

static enum verdict decide(const uint8_t *message, size_t length)
{
	char name[NAME_MAX_TEXT];

	if (!question_name(message, length, name))
		return PASS;
	for (unsigned int i = 0; i < options.rule_count; i++)
		if (name_under(name, options.rules[i].suffix))
			return options.rules[i].verdict;
	return PASS;
}

/* Connects to the listener. It may be away for a moment: then verdicts are lost, as they should. */
static int verdict_connect(void)
{
	struct sockaddr_un address;
	int fd;

	if (verdict_fd >= 0)
		return 0;
	if (address_fill(&address, options.to) != 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -errno;
	}
	verdict_fd = fd;
	return 0;
}

static void verdict_send(struct mmsghdr *batch, unsigned int count)
{
	unsigned int done = 0, retries = 0;

	while (done < count && !stopping) {
		int n = -1;

		if (verdict_connect() == 0)
			n = sendmmsg(verdict_fd, batch + done, count - done, 0);
		if (n > 0) {
			done += (unsigned int)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (verdict_fd >= 0)
			close(verdict_fd);
		verdict_fd = -1;
		if (retries++ > 0)
			break;
	}
	sent += done;
	unsent += count - done;
}

/* The odd datagram that the failure modes send ahead of each right one; 0 when there is none. */
static size_t oddity_write(char *text, size_t size, uint16_t id)
{
	if (options.garbage)
		return (size_t)snprintf(text, size, "\xff\x01 no verdict %%s %u", id);
	if (options.unknown_id)
		return (size_t)snprintf(text, size, options.text ? "%u pass" : "%u", id ^ 0x8000u);
	return 0;
}

static size_t verdict_write(char *text, size_t size, const struct answer *answer)
{
	if (!options.text)
		return (size_t)snprintf(text, size, "%u", answer->id);
	return (size_t)snprintf(text, size, "%u %s", answer->id, verdict_text[answer->verdict]);
}

static void answers_send(const struct answer *answers, unsigned int count)
{
	static char text[BATCH * PER_MESSAGE][64];
	struct iovec iov[BATCH * PER_MESSAGE];
	struct mmsghdr batch[BATCH * PER_MESSAGE];
	unsigned int n = 0;

	memset(batch, 0, sizeof(batch));
	for (unsigned int i = 0; i < count; i++) {
		size_t odd = oddity_write(text[n], sizeof(text[n]), answers[i].id);

		if (odd > 0)
			iov[n] = (struct iovec){text[n], odd}, n++;
		else if (options.blob)
			iov[n] = (struct iovec){blob, sizeof(blob)}, n++;
		iov[n] = (struct iovec){text[n],
					verdict_write(text[n], sizeof(text[n]), &answers[i])};
		n++;
		if (options.twice)
			iov[n] = iov[n - 1], n++;
	}
	for (unsigned int i = 0; i < n; i++) {
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	verdict_send(batch, n);
}

static void answers_delay(const struct answer *answers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (delayed_tail - delayed_head == DELAYED_MAX) {
			unsent++;
			continue;
		}
		delayed[delayed_tail++ % DELAYED_MAX] = answers[i];
	}
}

static void delayed_flush(void)
{
	uint64_t now = now_ms();

	while (delayed_head != delayed_tail) {
		struct answer due[BATCH];
		unsigned int n = 0;

		while (n < BATCH && delayed_head != delayed_tail &&
		       delayed[delayed_head % DELAYED_MAX].due_ms <= now)
			due[n++] = delayed[delayed_head++ % DELAYED_MAX];
		if (n == 0)
			return;
		answers_send(due, n);
	}
}

/* How long to wait for the next message: for ever, or until the oldest delayed answer is due. */
static int patience_ms(void)
{
	uint64_t now = now_ms(), due;

	if (delayed_head == delayed_tail)
		return -1;
	due = delayed[delayed_head % DELAYED_MAX].due_ms;
	return due <= now ? 0 : (int)(due - now);
}

static void batch_take(struct mmsghdr *batch, int count)
{
	uint64_t due = options.delay_ms == 0 ? 0 : now_ms() + options.delay_ms;
	struct answer answers[BATCH];
	unsigned int n = 0;

	for (int i = 0; i < count; i++) {
		const uint8_t *message = messages[i];
		size_t length = batch[i].msg_len;
		enum verdict verdict;

		received++;
		if (length < 12)
			continue;
		verdict = decide(message, length);
		if (verdict == SILENT)
			continue;
		answers[n++] = (struct answer){due, (uint16_t)(message[0] << 8 | message[1]),
					       (uint8_t)verdict};
	}
	if (options.delay_ms == 0)
		answers_send(answers, n);
	else
		answers_delay(answers, n);
}

static int serve(int fd)
{
	struct mmsghdr batch[BATCH];
	struct iovec iov[BATCH];
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	memset(batch, 0, sizeof(batch));
	for (unsigned int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){messages[i], MESSAGE_MAX};
		batch[i].msg_hdr.msg_iov = &iov[i];
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stopping) {
		int n = poll(&ready, 1, patience_ms());

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			n = recvmmsg(fd, batch, BATCH, MSG_DONTWAIT, NULL);
			if (n < 0 && errno != EINTR && errno != EAGAIN)
				return -errno;
			if (n > 0)
				batch_take(batch, n);
		}
		delayed_flush();
	}
	return 0;
}

static int filter_open(void)
{
	struct sockaddr_un address;
	int fd, error, size = 4 << 20;

	if (address_fill(&address, options.path) != 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	unlink(options.path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static int usage(void)
{
	fprintf(stderr, "usage: filter [options] PATH VERDICT-PATH\n"
			"  receives DNS messages at PATH, sends verdicts to VERDICT-PATH\n"
			"  --refuse, --drop, --silent SUFFIX  the verdict for names under SUFFIX; the\n"
			"                       first that fits counts; others pass; silent: no answer\n"
			"  --text               answer \"ID verdict\", else the ID alone\n"
			"  --delay-ms N         answer N ms late\n"
			"  --twice, --garbage, --blob, --unknown-id\n"
			"                       send what a broken filter would beside each verdict\n");
	return 2;
}

static bool rule_add(const char *suffix, enum verdict verdict)
{
	if (options.rule_count == RULES_MAX)
		return false;
	options.rules[options.rule_count++] = (struct rule){suffix, verdict};
	return true;
}

static bool options_parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"refuse", required_argument, NULL, 'r'}, {"drop", required_argument, NULL, 'd'},
		{"silent", required_argument, NULL, 's'}, {"text", no_argument, NULL, 't'},
		{"delay-ms", required_argument, NULL, 'm'}, {"twice", no_argument, NULL, '2'},
		{"garbage", no_argument, NULL, 'g'}, {"blob", no_argument, NULL, 'b'},
		{"unknown-id", no_argument, NULL, 'u'}, {NULL, 0, NULL, 0},
	};
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'r': ok = rule_add(optarg, REFUSE); break;
		case 'd': ok = rule_add(optarg, DROP); break;
		case 's': ok = rule_add(optarg, SILENT); break;
		case 't': options.text = true; break;
		case 'm': options.delay_ms = (unsigned int)strtoul(optarg, NULL, 10); break;
		case '2': options.twice = true; break;
		case 'g': options.garbage = true; break;
		case 'b': options.blob = true; break;
		case 'u': options.unknown_id = true; break;
		default: ok = false;
		}
	}
	if (!ok || argc - optind != 2 || options.twice + options.garbage + options.blob +
						 options.unknown_id > PER_MESSAGE - 1)
		return false;
	options.path = argv[optind];
	options.to = argv[optind + 1];
	return options.delay_ms <= 60000;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	int fd, result;

	if (!options_parse(argc, argv))
		return usage();
	/* Without SA_RESTART, so that a signal also ends a send that waits for the listener. */
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	memset(blob, 0xa5, sizeof(blob));
	fd = filter_open();
	if (fd < 0) {
		fprintf(stderr, "filter: %s: %s\n", options.path, strerror(-fd));
		return 1;
	}
	fprintf(stderr, "filter: ready\n");
	result = serve(fd);
	unlink(options.path);
	fprintf(stderr, "filter: %llu messages, %llu verdicts sent, %llu not\n",
		(unsigned long long)received, (unsigned long long)sent, (unsigned long long)unsent);
	return result == 0 ? 0 : 1;
}
