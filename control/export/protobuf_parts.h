/* SPDX-License-Identifier: BSD-2-Clause */
/* A message of PowerDNS's kind while it is put together. The exporter's thread only. */
#ifndef SLUICE_CONTROL_EXPORT_PROTOBUF_PARTS_H
#define SLUICE_CONTROL_EXPORT_PROTOBUF_PARTS_H

#include "control/export/encode.h"
#include "dnsmessage.pb-c.h"

#define DRAFT_ID_SIZE 16u

typedef PBDNSMessage__DNSResponse__DNSRR answer_record;

/* A message that is being put together, and what its parts are of. */
struct draft {
	struct export_encoder *encoder;
	const struct export_form *form;
	const struct export_record *record;
	const struct export_world *world;
	PBDNSMessage message;
	PBDNSMessage__DNSQuestion question;
	PBDNSMessage__DNSResponse response;
	uint8_t id[DRAFT_ID_SIZE];
	uint8_t requestor[16], responder[16];
	bool full; /* some part had no place */
};

/* ---- protobuf_draft.c ---- */

/* Bytes of the encoder's memory; NULL: there is none left, and the draft is full. */
void *draft_take(struct draft *draft, size_t size);
/* Room for one more entry of a list; lists are as long as a power of two. NULL: likewise. */
void *draft_grow(struct draft *draft, void *list, size_t count, size_t size);
/* Puts the data, which stay where they are, behind those of a list; false: the draft is full. */
bool draft_data_add(struct draft *draft, ProtobufCBinaryData **list, size_t *count,
		    ProtobufCBinaryData data);
/* A name as text, with its final dot. NULL: likewise. */
char *draft_name(struct draft *draft, const uint8_t *name);

static inline ProtobufCBinaryData draft_bytes(const void *bytes, size_t length)
{
	return (ProtobufCBinaryData){length, (uint8_t *)(uintptr_t)bytes};
}

/* Addresses have 4 or 16 bytes. The requestor's is left out if it cannot be hidden as asked. */
void draft_requestor_set(struct draft *draft, const uint8_t *address, size_t length);
void draft_responder_set(struct draft *draft, const uint8_t *address, size_t length);
void draft_question_set(struct draft *draft, const uint8_t *name, uint16_t type, uint16_t qclass);
void draft_time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds);
void draft_query_time_set(struct draft *draft, uint32_t seconds, uint32_t microseconds);
void draft_rcode_set(struct draft *draft, uint32_t rcode);
void draft_server_set(struct draft *draft, const void *bytes, size_t length);
/* A record of the response, whose data are to be set. NULL: the draft is full. */
answer_record *draft_record_add(struct draft *draft, const uint8_t *name, uint16_t type,
				uint16_t rclass, uint32_t ttl);

/* ---- protobuf_items.c ---- */

/* The metadata that the form asks for. */
void draft_metas_add(struct draft *draft);
/* What rules said of the packet, and what the policy's Lua changed of the message. */
void draft_items_apply(struct draft *draft);

#endif
