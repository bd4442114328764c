/* SPDX-License-Identifier: BSD-2-Clause */
#include "dataplane/rules/export.h"

#include "dataplane/clock.h"
#include "dataplane/dns/message.h"
#include "dataplane/packet.h"
#include "dataplane/rules/answers.h"
#include "dataplane/rules/chain.h"
#include "dataplane/rules/tags.h"
#include "dataplane/stats.h"

/* As an item lies in a record; key and value follow. */
struct item_head {
	uint16_t kind;
	uint16_t code;
	uint16_t key_length;
	uint16_t spare;
	uint32_t value_length;
};

#define SKIP UINT16_MAX /* the form of what only fills the end of the ring */

uint32_t export_item_put(uint8_t *to, uint32_t room, const struct export_item *item)
{
	const struct item_head head = {item->kind, item->code, item->key_length, 0,
				       item->value_length};
	uint64_t size = sizeof(head) + (uint64_t)item->key_length + item->value_length;
	if (size > room)
		return 0;
	memcpy(to, &head, sizeof(head));
	if (item->key_length > 0)
		memcpy(to + sizeof(head), item->key, item->key_length);
	if (item->value_length > 0)
		memcpy(to + sizeof(head) + item->key_length, item->value, item->value_length);
	return (uint32_t)size;
}

bool export_item_next(const struct export_record *record, uint32_t *offset,
		      struct export_item *item)
{
	const uint8_t *items = record->bytes + record->message_length;
	struct item_head head;
	if (*offset >= record->items_length)
		return false;
	memcpy(&head, items + *offset, sizeof(head));
	const uint8_t *key = items + *offset + sizeof(head);
	*item = (struct export_item){.kind = head.kind,
				     .code = head.code,
				     .key_length = head.key_length,
				     .value_length = head.value_length,
				     .key = key,
				     .value = key + head.key_length};
	*offset += (uint32_t)sizeof(head) + head.key_length + head.value_length;
	return true;
}

/* ---- the ring ---- */

static uint32_t room_of(struct export_ring *ring, uint32_t need)
{
	uint32_t room = EXPORT_RING_SIZE - (ring->head - ring->tail_seen);
	if (room >= need)
		return room;
	ring->tail_seen = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	return EXPORT_RING_SIZE - (ring->head - ring->tail_seen);
}

/* Room for a record of up to `size` bytes in one piece, or NULL. */
static struct export_record *record_new(struct export_ring *ring, uint32_t size)
{
	uint32_t at = ring->head % EXPORT_RING_SIZE, left = EXPORT_RING_SIZE - at;
	bool wraps = left < size;
	if (size > EXPORT_RECORD_MAX || room_of(ring, size + (wraps ? left : 0)) <
						size + (wraps ? left : 0))
		return NULL;
	if (!wraps)
		return (struct export_record *)(void *)(ring->bytes + at);
	/* As sizes are multiples of 8, what is left has room for size and form. */
	struct export_record *skip = (void *)(ring->bytes + at);
	skip->size = left;
	skip->form = SKIP;
	__atomic_store_n(&ring->head, ring->head + left, __ATOMIC_RELEASE);
	return (struct export_record *)(void *)ring->bytes;
}

const struct export_record *export_peek(struct export_ring *ring)
{
	for (;;) {
		if (ring->tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE))
			return NULL;
		const struct export_record *record =
			(const void *)(ring->bytes + ring->tail % EXPORT_RING_SIZE);
		if (record->form != SKIP)
			return record;
		export_done(ring, record);
	}
}

/* ---- records ---- */

static const uint16_t kinds[] = {
	[NOTE_TAG] = EXPORT_ITEM_TAG + 1,
	[NOTE_EDE] = EXPORT_ITEM_ERROR + 1,
	[NOTE_PROXY_VALUE] = EXPORT_ITEM_PROXY + 1,
	[NOTE_META] = EXPORT_ITEM_META + 1,
	[NOTE_IDENTITY] = EXPORT_ITEM_IDENTITY + 1,
};

static bool note_item(const struct note *note, struct export_item *item)
{
	if (note->kind >= RTE_DIM(kinds) || kinds[note->kind] == 0)
		return false;
	*item = (struct export_item){.kind = (uint16_t)(kinds[note->kind] - 1),
				     .code = note->info_code,
				     .key_length = (uint16_t)note->key_length,
				     .value_length = (uint32_t)note->value_length,
				     .key = (const uint8_t *)note->key,
				     .value = (const uint8_t *)note->value};
	return true;
}

static uint64_t notes_size(const struct note_block *notes)
{
	struct note_cursor cursor = notes_open(notes);
	struct export_item item;
	struct note note;
	uint64_t size = 0;
	while (note_next(&cursor, &note))
		if (note_item(&note, &item))
			size += sizeof(struct item_head) + (uint64_t)item.key_length +
				item.value_length;
	return size;
}

static uint32_t notes_put(const struct note_block *notes, uint8_t *to, uint32_t room)
{
	struct note_cursor cursor = notes_open(notes);
	struct export_item item;
	struct note note;
	uint32_t used = 0;
	while (note_next(&cursor, &note))
		if (note_item(&note, &item))
			used += export_item_put(to + used, room - used, &item);
	return used;
}

static unsigned origin_flags(const struct packet *packet)
{
	if (packet->origin == STATS_CACHED_ANSWER)
		return EXPORT_RESPONSE | EXPORT_CACHE_HIT;
	return EXPORT_RESPONSE | (packet->origin == STATS_OWN_ANSWER ? 0 : EXPORT_FORWARDED);
}

static void facts_fill(struct export_record *record, struct rte_mbuf *mbuf, bool named)
{
	const struct packet *packet = packet_of(mbuf);
	const struct query_state *query = &packet->query;
	record->length = packet->dns_length;
	record->id = query->client_id;
	record->arrival = query->arrival;
	record->now = clock_now();
	memcpy(record->client, query->client_addr, sizeof(record->client));
	memcpy(record->local, query->local_addr, sizeof(record->local));
	record->client_port = query->client_port;
	record->local_port = query->local_port;
	record->qtype = query->qtype;
	record->qclass = query->qclass;
	record->pool = query->pool;
	record->qname_length = named ? query->qname_length : 0;
	record->flags = (uint8_t)((rule_is_query(packet) ? 0 : origin_flags(packet)) |
				  (query->flags & QUERY_IPV6 ? EXPORT_IPV6 : 0) |
				  (query->flags & QUERY_TCP ? EXPORT_TCP : 0));
}

void export_push(const struct rule_context *context, struct rule_export what, struct rte_mbuf *mbuf,
		 const uint8_t *items, uint32_t items_length)
{
	const struct packet *packet = packet_of(mbuf);
	const struct note_block *notes = what.parts & EXPORT_NOTES ? packet->query.notes : NULL;
	struct export_ring *ring = context->exports;
	uint32_t question = DNS_HEADER_SIZE + packet->query.qname_length + DNS_QUESTION_FIXED;
	bool named = rule_has_question(mbuf);
	bool whole = what.parts & EXPORT_MESSAGE || !named || !rule_is_query(packet);
	uint32_t length = whole ? packet->dns_length : question;
	uint64_t more = items_length + (notes != NULL ? notes_size(notes) : 0);
	uint64_t size = RTE_ALIGN(sizeof(struct export_record) + length + more, 8);
	struct export_record *record = NULL;
	if (ring == NULL)
		return;
	if (size <= EXPORT_RECORD_MAX)
		record = record_new(ring, (uint32_t)size);
	if (record == NULL) {
		__atomic_store_n(&ring->lost[what.logger], ring->lost[what.logger] + 1,
				 __ATOMIC_RELAXED);
		return;
	}
	*record = (struct export_record){.size = (uint32_t)size,
					 .form = what.form,
					 .message_length = (uint16_t)length,
					 .items_length = (uint32_t)more};
	facts_fill(record, mbuf, named);
	memcpy(record->bytes, packet_dns(mbuf), length);
	if (length >= sizeof(record->id)) /* the client's ID, whatever it has while Lua runs */
		memcpy(record->bytes, &record->id, sizeof(record->id));
	uint8_t *to = record->bytes + length;
	if (items_length > 0)
		memcpy(to, items, items_length);
	if (notes != NULL)
		notes_put(notes, to + items_length, (uint32_t)more - items_length);
	__atomic_store_n(&ring->head, ring->head + record->size, __ATOMIC_RELEASE);
}
