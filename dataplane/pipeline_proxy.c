/* SPDX-License-Identifier: BSD-2-Clause */
/* What proxies say of their clients, and what servers are told of ours: PROXY headers. */
#include "dataplane/pipeline_parts.h"

#include "dataplane/net/proxy.h"

/* ---- from proxies ---- */

static int values_keep(struct note_block **notes, const uint8_t *bytes,
		       const struct proxy_header *header)
{
	uint16_t offset = header->values;
	struct proxy_value value;
	int error = 0;
	while (error == 0 && proxy_value_next(bytes, header, &offset, &value))
		error = proxy_value_add(notes, value.type, value.bytes, value.length);
	return error;
}

int pipeline_proxy_adopt(struct query_state *query, const uint8_t *bytes,
			 const struct proxy_header *header)
{
	struct note_peer peer = {
		.port = query->client_port,
		.local_port = query->local_port,
		.ipv6 = (query->flags & QUERY_IPV6) != 0,
	};
	if (header->local)
		return 0;
	memcpy(peer.address, query->client_addr, sizeof(peer.address));
	memcpy(peer.local, query->local_addr, sizeof(peer.local));
	int error = peer_set(&query->notes, &peer);
	if (error == 0)
		error = values_keep(&query->notes, bytes, header);
	memcpy(query->client_addr, header->source, sizeof(query->client_addr));
	memcpy(query->local_addr, header->destination, sizeof(query->local_addr));
	query->client_port = header->source_port;
	query->local_port = header->destination_port;
	query->flags = (uint16_t)((query->flags & ~QUERY_IPV6) | (header->ipv6 ? QUERY_IPV6 : 0));
	return error;
}

enum drop_reason pipeline_proxy_take(const struct policy *policy, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	const uint8_t *bytes = packet_dns(mbuf);
	struct proxy_header header;
	int length = proxy_parse(bytes, packet->dns_length, &header);
	if (length <= 0 || length > policy->proxy_size || length >= packet->dns_length)
		return DROP_PROXY;
	if (policy->proxy_clients_acl && !header.local &&
	    !policy_allows(policy, header.source, header.ipv6))
		return DROP_ACL;
	if (pipeline_proxy_adopt(&packet->query, bytes, &header) != 0)
		return DROP_PROXY;
	packet->dns_offset = (uint16_t)(packet->dns_offset + length);
	packet_dns_resize(mbuf, (uint16_t)(packet->dns_length - length));
	return DROP_NONE;
}

/* ---- to servers ---- */

static struct proxy_header header_of(const struct query_state *query)
{
	struct proxy_header header = {.local = query == NULL};
	if (query == NULL)
		return header;
	header.stream = (query->flags & QUERY_TCP) != 0;
	header.ipv6 = (query->flags & QUERY_IPV6) != 0;
	header.source_port = query->client_port;
	header.destination_port = query->local_port;
	memcpy(header.source, query->client_addr, sizeof(header.source));
	memcpy(header.destination, query->local_addr, sizeof(header.destination));
	return header;
}

static size_t values_size(const struct note_block *notes)
{
	struct note_cursor cursor = notes_open(notes);
	struct note note;
	size_t size = 0;
	while (note_next_of(&cursor, NOTE_PROXY_VALUE, &note))
		size += PROXY_VALUE_HEADER + note.value_length;
	return size;
}

size_t pipeline_proxy_size(const struct query_state *query)
{
	struct proxy_header header = header_of(query);
	return proxy_size(&header) + (query != NULL ? values_size(query->notes) : 0);
}

struct rte_mbuf *pipeline_proxy_reserve(struct worker *worker, struct rte_mbuf *mbuf, size_t size)
{
	size_t room = mbuf->data_off + packet_of(mbuf)->dns_offset, need = PACKET_HEADERS_MAX + size;
	if (likely(room >= need))
		return mbuf;
	if (packet_of(mbuf)->dns_length + need - room > packet_dns_capacity(mbuf)) {
		mbuf = pipeline_widen(worker, mbuf);
		room = mbuf->data_off + packet_of(mbuf)->dns_offset;
	}
	struct packet *packet = packet_of(mbuf);
	if (room < need && packet->dns_length + need - room > packet_dns_capacity(mbuf)) {
		pipeline_drop(worker, mbuf, DROP_TOO_LARGE);
		return NULL;
	}
	if (room < need) {
		uint8_t *dns = packet_dns(mbuf);
		memmove(dns + need - room, dns, packet->dns_length);
		packet->dns_offset = (uint16_t)(packet->dns_offset + need - room);
		packet_dns_resize(mbuf, packet->dns_length);
	}
	return mbuf;
}

void pipeline_proxy_put(struct rte_mbuf *mbuf, const struct query_state *query)
{
	struct packet *packet = packet_of(mbuf);
	struct proxy_header header = header_of(query);
	uint16_t values = query != NULL ? (uint16_t)values_size(query->notes) : 0;
	uint16_t size = (uint16_t)(proxy_size(&header) + values);
	uint8_t *at = packet_dns(mbuf) - size;
	at += proxy_write(at, &header, values);
	if (values > 0) {
		struct note_cursor cursor = notes_open(query->notes);
		struct note note;
		while (note_next_of(&cursor, NOTE_PROXY_VALUE, &note))
			at += proxy_value_write(
				at, &(struct proxy_value){(uint8_t)note.info_code,
							  (uint16_t)note.value_length,
							  (const uint8_t *)note.value});
	}
	/* The end stays where it is; the offset may reach back before the start of the data. */
	mbuf->data_off = (uint16_t)(mbuf->data_off + packet->dns_offset - size);
	packet->dns_offset = 0;
	packet_dns_resize(mbuf, (uint16_t)(packet->dns_length + size));
}
