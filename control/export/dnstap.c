/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/encode.h"

#include "dnstap.pb-c.h"

#define SECOND 1000000000u /* nanoseconds */

static ProtobufCBinaryData bytes_of(const void *bytes, size_t length)
{
	return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)bytes};
}

static void addresses_set(Dnstap__Message *message, const struct export_record *record)
{
	bool ipv6 = record->flags & EXPORT_IPV6;
	message->has_socket_family = message->has_socket_protocol = true;
	message->socket_family = ipv6 ? DNSTAP__SOCKET_FAMILY__INET6 : DNSTAP__SOCKET_FAMILY__INET;
	message->socket_protocol = record->flags & EXPORT_TCP ? DNSTAP__SOCKET_PROTOCOL__TCP
							      : DNSTAP__SOCKET_PROTOCOL__UDP;
	message->has_query_address = message->has_response_address = true;
	message->query_address = bytes_of(record->client, ipv6 ? 16 : 4);
	message->response_address = bytes_of(record->local, ipv6 ? 16 : 4);
	message->has_query_port = message->has_response_port = true;
	message->query_port = record->client_port;
	message->response_port = record->local_port;
}

static void message_set(Dnstap__Message *message, const struct export_record *record,
			const struct export_world *world)
{
	uint64_t then = export_wall(world, record->arrival), now = export_wall(world, record->now);
	const ProtobufCBinaryData wire = bytes_of(record->bytes, record->message_length);
	message->has_query_time_sec = message->has_query_time_nsec = true;
	message->query_time_sec = then / SECOND;
	message->query_time_nsec = (uint32_t)(then % SECOND);
	if ((record->flags & EXPORT_RESPONSE) == 0) {
		message->type = DNSTAP__MESSAGE__TYPE__CLIENT_QUERY;
		message->has_query_message = true;
		message->query_message = wire;
		return;
	}
	message->type = DNSTAP__MESSAGE__TYPE__CLIENT_RESPONSE;
	message->has_response_message = true;
	message->response_message = wire;
	message->has_response_time_sec = message->has_response_time_nsec = true;
	message->response_time_sec = now / SECOND;
	message->response_time_nsec = (uint32_t)(now % SECOND);
}

size_t export_dnstap(const struct export_form *form, const struct export_record *record,
		     const struct export_world *world, uint8_t *to, size_t room)
{
	static const char version[] = "sluice " SLUICE_VERSION;
	Dnstap__Dnstap tap = DNSTAP__DNSTAP__INIT;
	Dnstap__Message message = DNSTAP__MESSAGE__INIT;
	struct export_item item;
	uint32_t offset = 0;
	addresses_set(&message, record);
	message_set(&message, record, world);
	tap.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
	tap.message = &message;
	tap.has_version = true;
	tap.version = bytes_of(version, sizeof(version) - 1);
	if (form->identity != NULL) {
		tap.has_identity = true;
		tap.identity = bytes_of(form->identity->value, form->identity->value_length);
	}
	while (export_item_next(record, &offset, &item))
		if (item.kind == EXPORT_ITEM_EXTRA) {
			tap.has_extra = true;
			tap.extra = bytes_of(item.value, item.value_length);
		}
	if (dnstap__dnstap__get_packed_size(&tap) > room)
		return 0;
	return dnstap__dnstap__pack(&tap, to);
}
