/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The datagrams that wait for an endpoint: a ring of records and a ring of bytes. Positions count
 * up for ever and are masked on use. Only endpoint.c includes it.
 */
#ifndef SLUICE_CONTROL_SOCKET_ENDPOINT_QUEUE_H
#define SLUICE_CONTROL_SOCKET_ENDPOINT_QUEUE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct queued {
	uint64_t start; /* position of its first byte */
	uint64_t tag;
	uint32_t length; /* bytes */
};

struct endpoint_queue {
	struct queued *records;
	uint8_t *bytes;
	uint64_t first; /* position of the oldest record */
	uint64_t last;	/* one past the newest */
	uint64_t end;	/* one past the newest record's bytes */
	uint32_t limit; /* datagrams */
	uint32_t record_mask;
	uint32_t byte_mask;
};

static inline uint32_t endpoint_queue_round_up(uint32_t wanted)
{
	uint32_t size = 1;
	while (size < wanted)
		size *= 2;
	return size;
}

static inline void endpoint_queue_free(struct endpoint_queue *queue)
{
	free(queue->records);
	free(queue->bytes);
}

/* `limit` is at most 2^20, so the bytes are at most 2^31. */
static inline int endpoint_queue_init(struct endpoint_queue *queue, uint32_t limit)
{
	uint32_t records = endpoint_queue_round_up(limit);
	uint32_t bytes = endpoint_queue_round_up(limit > 512 ? limit * 2048 : 1024 * 1024);

	*queue = (struct endpoint_queue){
		.limit = limit, .record_mask = records - 1, .byte_mask = bytes - 1};
	queue->records = calloc(records, sizeof(*queue->records));
	queue->bytes = malloc(bytes);
	if (queue->records && queue->bytes)
		return 0;
	endpoint_queue_free(queue);
	return -ENOMEM;
}

static inline uint32_t endpoint_queue_count(const struct endpoint_queue *queue)
{
	return (uint32_t)(queue->last - queue->first);
}

static inline struct queued *endpoint_queue_at(const struct endpoint_queue *queue, uint32_t number)
{
	return &queue->records[(queue->first + number) & queue->record_mask];
}

static inline bool endpoint_queue_fits(const struct endpoint_queue *queue, uint32_t length)
{
	uint32_t count = endpoint_queue_count(queue);
	uint64_t used = count ? queue->end - endpoint_queue_at(queue, 0)->start : 0;

	return count < queue->limit && length <= (uint64_t)queue->byte_mask + 1 - used;
}

/* The one or two pieces of the ring that `length` bytes from position `start` lie in. */
static inline uint32_t endpoint_queue_pieces(const struct endpoint_queue *queue, uint64_t start,
					     uint32_t length, struct iovec pieces[2])
{
	uint32_t offset = (uint32_t)start & queue->byte_mask;
	uint32_t to_end = queue->byte_mask - offset + 1;
	uint32_t first = length < to_end ? length : to_end;

	pieces[0] = (struct iovec){queue->bytes + offset, first};
	pieces[1] = (struct iovec){queue->bytes, length - first};
	return first < length ? 2 : 1;
}

/* endpoint_queue_fits() must have said so. */
static inline void endpoint_queue_append(struct endpoint_queue *queue, const uint8_t *data,
					 uint32_t length, uint64_t tag)
{
	struct iovec pieces[2];

	endpoint_queue_pieces(queue, queue->end, length, pieces);
	memcpy(pieces[0].iov_base, data, pieces[0].iov_len);
	memcpy(pieces[1].iov_base, data + pieces[0].iov_len, pieces[1].iov_len);
	queue->records[queue->last & queue->record_mask] =
		(struct queued){.start = queue->end, .tag = tag, .length = length};
	queue->end += length;
	queue->last++;
}

#endif
