/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/log/writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/log/log.h"
#include "control/log/type_text.h"
#include "dataplane/clock.h"
#include "dataplane/dns/name.h"

#define SECOND 1000000000u /* nanoseconds */
#define NAP_NS 5000000	   /* while nothing comes: a ring holds as much as comes meanwhile */
#define BURST 1024u	   /* of one ring before the next one's turn */
#define BUFFER_SIZE 65536u
#define FILE_MODE 0640
#define WAIT_MS 100 /* for whoever reads a pipe: a try; at the end there is one more */

struct log_file {
	char *path; /* "": the program's log */
	unsigned flags;
	atomic_bool reopen;
	/* The thread's, once it is there. */
	int fd;	     /* -1: none */
	char *bytes; /* BUFFER_SIZE, of which so many are to be written */
	size_t used;
	bool given_up; /* nobody takes them, and all ends */
	struct log_limit limit;
};

struct log_writer {
	struct query_log_ring **rings;
	unsigned n_rings;
	uint64_t tsc_hz;
	atomic_uint n_files;
	atomic_bool stop;
	sem_t work; /* there are files now, or the end has come */
	pthread_t thread;
	uint64_t flushed;	    /* the thread's: when buffered files were, nanoseconds */
	uint64_t wall, tsc; /* the thread's: the time, both ways */
	struct log_file files[LOG_WRITER_FILES];
};

/* ---- records ---- */

static const char *const rcodes[16] = {
	"No Error", "Form Error", "Server Failure", "Non-Existent domain", "Not Implemented",
	"Query Refused", "YXDomain", "YXRRSet", "NXRRSet", "NotAuth", "NotZone",
};

static void client_text(const struct query_record *record, char *text, size_t size)
{
	char address[INET6_ADDRSTRLEN];
	inet_ntop(record->ipv6 ? AF_INET6 : AF_INET, record->client, address, sizeof(address));
	snprintf(text, size, record->ipv6 ? "[%s]:%u" : "%s:%u", address, record->client_port);
}

size_t log_writer_line(const struct query_record *record, unsigned flags, uint64_t ns, char *line,
		       size_t size)
{
	char name[DNS_NAME_TEXT_SIZE], type[16], client[80], code[16], when[48] = "";
	if (dns_name_print(record->name, name, sizeof(name), true) < 0)
		strcpy(name, "?");
	client_text(record, client, sizeof(client));
	if (flags & LOG_WRITER_TIME)
		snprintf(when, sizeof(when), "[%lu.%lu] ", ns / SECOND, ns % SECOND);
	snprintf(code, sizeof(code), "Err#%u", record->rcode);
	int length;
	const char *what = type_text_of(record->qtype, type, sizeof(type));
	const char *listed = record->matched_length > 0 ? ", listed: " : "";
	if (record->response)
		length = snprintf(line, size, "%sAnswer to %s for %s %s (%s) with id %u%s%.*s\n",
				  when, client, name, what,
				  rcodes[record->rcode] != NULL ? rcodes[record->rcode] : code,
				  ntohs(record->id), listed, record->matched_length,
				  record->matched);
	else
		length = snprintf(line, size, "%sPacket from %s for %s %s with id %u%s%.*s\n", when,
				  client, name, what, ntohs(record->id), listed,
				  record->matched_length, record->matched);
	return RTE_MIN((size_t)length, size - 1);
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t length)
{
	memcpy(to, bytes, length);
	return to + length;
}

size_t log_writer_binary(const struct query_record *record, unsigned flags, uint64_t ns,
			 uint8_t to[static LOG_WRITER_BINARY_SIZE])
{
	uint64_t seconds = ns / SECOND;
	uint32_t rest = (uint32_t)(ns % SECOND);
	uint16_t family = record->ipv6 ? AF_INET6 : AF_INET;
	uint16_t port = htons(record->client_port);
	uint8_t *at = to;
	if (flags & LOG_WRITER_TIME) {
		at = put(at, &seconds, sizeof(seconds));
		at = put(at, &rest, sizeof(rest));
	}
	at = put(at, &record->id, sizeof(record->id));
	at = put(at, record->name, record->name_length);
	at = put(at, &record->qtype, sizeof(record->qtype));
	at = put(at, &record->qclass, sizeof(record->qclass));
	at = put(at, &family, sizeof(family));
	at = put(at, record->client, record->ipv6 ? 16 : 4);
	at = put(at, &port, sizeof(port));
	return (size_t)(at - to);
}

/* ---- files ---- */

/* Without waiting: neither the control lcore nor the thread is held up by what nobody reads. */
static int file_open(const char *path, bool append)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
				  (append ? 0 : O_TRUNC),
		    FILE_MODE);
}

static void failure_tell(struct log_file *file)
{
	uint64_t held;
	int why = errno;
	if (log_limit_pass(&file->limit, (uint64_t)time(NULL) * 1000, &held))
		log_error("%s: %s: queries are not logged", file->path,
			  why == EAGAIN ? "its reader takes nothing" : strerror(why));
}

/* Waits for whoever reads a pipe, as long as all goes on. */
static bool file_ready(const struct log_writer *writer, struct log_file *file)
{
	struct pollfd look = {.fd = file->fd, .events = POLLOUT};
	while (!file->given_up) {
		bool last = atomic_load(&writer->stop);
		if (poll(&look, 1, WAIT_MS) > 0)
			return true;
		file->given_up = last;
	}
	errno = EAGAIN;
	return false;
}

static void file_flush(const struct log_writer *writer, struct log_file *file)
{
	size_t written = 0;
	while (written < file->used) {
		ssize_t count = write(file->fd, file->bytes + written, file->used - written);
		if (count >= 0)
			written += (size_t)count;
		else if (errno != EINTR && (errno != EAGAIN || !file_ready(writer, file)))
			break;
	}
	if (written < file->used)
		failure_tell(file);
	file->used = 0;
}

static void file_put(const struct log_writer *writer, struct log_file *file, const void *bytes,
		     size_t length)
{
	if (file->used + length > BUFFER_SIZE)
		file_flush(writer, file);
	memcpy(file->bytes + file->used, bytes, length);
	file->used += length;
}

static void file_reopen(const struct log_writer *writer, struct log_file *file)
{
	if (file->path[0] == '\0')
		return;
	int fd = file_open(file->path, true);
	if (fd < 0) {
		failure_tell(file); /* the one before stays */
		return;
	}
	file_flush(writer, file);
	close(file->fd);
	file->fd = fd;
}

static void record_tell(const struct log_file *file, char *line, size_t length)
{
	line[length - 1] = '\0'; /* the log ends its lines itself */
	log_write(file->flags & LOG_WRITER_VERBOSE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "%s", line);
}

static void record_write(struct log_writer *writer, const struct query_record *record)
{
	struct log_file *file = &writer->files[record->file];
	uint64_t age = writer->tsc > record->arrival ? writer->tsc - record->arrival : 0;
	uint64_t ns = writer->wall - (uint64_t)((double)age / (double)writer->tsc_hz * SECOND);
	union {
		char line[LOG_WRITER_LINE_SIZE];
		uint8_t binary[LOG_WRITER_BINARY_SIZE];
	} made;
	size_t length;
	if (file->flags & LOG_WRITER_BINARY)
		length = log_writer_binary(record, file->flags, ns, made.binary);
	else
		length = log_writer_line(record, file->flags, ns, made.line, sizeof(made.line));
	if (file->path[0] == '\0') {
		record_tell(file, made.line, length);
		return;
	}
	file_put(writer, file, &made, length);
}

/* ---- the thread ---- */

static unsigned ring_drain(struct log_writer *writer, struct query_log_ring *ring)
{
	const struct query_record *record;
	unsigned count = 0;
	while (count < BURST && (record = query_log_peek(ring)) != NULL) {
		record_write(writer, record);
		query_log_done(ring);
		count++;
	}
	return count;
}

static void time_look(struct log_writer *writer)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	writer->wall = (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
	writer->tsc = clock_now();
}

/* One look at all rings and files; how many records there were. */
static unsigned turn(struct log_writer *writer)
{
	unsigned n_files = atomic_load(&writer->n_files), count = 0;
	time_look(writer);
	for (unsigned i = 0; i < n_files; i++)
		if (atomic_exchange(&writer->files[i].reopen, false))
			file_reopen(writer, &writer->files[i]);
	for (unsigned i = 0; i < writer->n_rings; i++)
		count += ring_drain(writer, writer->rings[i]);
	bool second = writer->wall - writer->flushed >= SECOND;
	for (unsigned i = 0; i < n_files; i++)
		if (second || (writer->files[i].flags & LOG_WRITER_BUFFERED) == 0)
			file_flush(writer, &writer->files[i]);
	if (second)
		writer->flushed = writer->wall;
	return count;
}

static void *run(void *argument)
{
	struct log_writer *writer = argument;
	const struct timespec nap = {.tv_nsec = NAP_NS};
	while (sem_wait(&writer->work) < 0 && errno == EINTR)
		;
	while (!atomic_load(&writer->stop))
		if (turn(writer) == 0)
			nanosleep(&nap, NULL);
	return NULL;
}

/* ---- the control lcore's part ---- */

struct log_writer *log_writer_create(unsigned n_lcores, uint64_t tsc_hz, log_writer_start_fn *start)
{
	struct log_writer *writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return NULL;
	sem_init(&writer->work, 0, 0);
	writer->tsc_hz = tsc_hz;
	writer->rings = calloc(n_lcores, sizeof(struct query_log_ring *));
	while (writer->rings != NULL && writer->n_rings < n_lcores) {
		/* Pages that nobody writes cost nothing. */
		void *ring = NULL;
		if (posix_memalign(&ring, RTE_CACHE_LINE_SIZE, sizeof(struct query_log_ring)) != 0)
			break;
		writer->rings[writer->n_rings++] = ring;
		memset(ring, 0, offsetof(struct query_log_ring, records));
	}
	if (writer->n_rings < n_lcores || start(&writer->thread, run, writer) != 0) {
		atomic_store(&writer->stop, true);
		log_writer_destroy(writer);
		return NULL;
	}
	return writer;
}

static void file_close(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->bytes);
	free(file->path);
}

void log_writer_destroy(struct log_writer *writer)
{
	if (writer == NULL)
		return;
	if (!atomic_exchange(&writer->stop, true)) {
		sem_post(&writer->work);
		pthread_join(writer->thread, NULL);
		while (turn(writer) > 0)
			;
	}
	for (unsigned i = 0; i < atomic_load(&writer->n_files); i++) {
		file_flush(writer, &writer->files[i]);
		file_close(&writer->files[i]);
	}
	for (unsigned i = 0; i < writer->n_rings; i++)
		free(writer->rings[i]);
	free(writer->rings);
	sem_destroy(&writer->work);
	free(writer);
}

struct query_log_ring *log_writer_ring(struct log_writer *writer, unsigned lcore)
{
	return lcore < writer->n_rings ? writer->rings[lcore] : NULL;
}

int log_writer_open(struct log_writer *writer, const char *path, unsigned flags)
{
	unsigned number, count = atomic_load(&writer->n_files);
	bool append = flags & LOG_WRITER_APPEND;
	for (number = 0; number < count; number++) {
		bool same = strcmp(writer->files[number].path, path) == 0;
		if (same && writer->files[number].flags == flags)
			return (int)number;
		append |= same; /* what was written in another way stays */
	}
	if (number == LOG_WRITER_FILES)
		return -ENOSPC;
	struct log_file *file = &writer->files[number];
	*file = (struct log_file){.flags = flags, .path = strdup(path), .fd = -1};
	file->bytes = path[0] != '\0' ? malloc(BUFFER_SIZE) : NULL;
	int error = file->path == NULL || (path[0] != '\0' && file->bytes == NULL) ? -ENOMEM : 0;
	if (error == 0 && path[0] != '\0' && (file->fd = file_open(path, append)) < 0)
		error = -errno;
	if (error != 0) {
		file_close(file);
		return error;
	}
	atomic_store(&writer->n_files, number + 1);
	if (number == 0)
		sem_post(&writer->work);
	return (int)number;
}

void log_writer_reopen(struct log_writer *writer, int number)
{
	for (unsigned i = 0; writer != NULL && i < atomic_load(&writer->n_files); i++)
		if (number < 0 || i == (unsigned)number)
			atomic_store(&writer->files[i].reopen, true);
}
