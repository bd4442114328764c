/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI functions for asynchronous processing, with its names and types. */
#include "control/lua_context.h"

#include <string.h>

#include "dataplane/dns/message.h"
#include "dataplane/rules/tags.h"

static struct packet *packet_fetch(uint16_t async_id, uint16_t query_id, struct lua_ref *ref)
{
	if (!sluice_async_fetch(async_id, query_id, ref))
		return NULL;
	return packet_of(async_mbuf(lua_context.control->async, ref->slot));
}

bool dnsdist_ffi_dnsquestion_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs)
{
	return sluice_suspend(dq, asyncID, queryID, timeoutMs);
}

bool dnsdist_ffi_dnsresponse_set_async(dnsdist_ffi_dnsquestion_t *dr, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs)
{
	return sluice_suspend(dr, asyncID, queryID, timeoutMs);
}

bool dnsdist_ffi_resume_from_async(uint16_t asyncID, uint16_t queryID, const char *tag,
				   size_t tagSize, const char *tagValue, size_t tagValueSize,
				   bool useCache)
{
	struct lua_ref ref;
	struct packet *packet = packet_fetch(asyncID, queryID, &ref);
	if (packet == NULL)
		return false;
	if (tag != NULL && tagSize > 0)
		tag_set(&packet->query.notes, tag, tagSize, tagValue, tagValueSize);
	if (!useCache)
		packet->query.flags |= QUERY_SKIP_CACHE;
	return sluice_async_resume(&ref) == ASYNC_OK;
}

bool dnsdist_ffi_drop_from_async(uint16_t asyncID, uint16_t queryID)
{
	struct lua_ref ref;
	return packet_fetch(asyncID, queryID, &ref) != NULL && sluice_async_drop(&ref) == ASYNC_OK;
}

bool dnsdist_ffi_set_answer_from_async(uint16_t asyncID, uint16_t queryID, const char *raw,
				       size_t rawSize)
{
	struct lua_ref ref;
	struct lua_question question;
	if (rawSize < DNS_HEADER_SIZE || packet_fetch(asyncID, queryID, &ref) == NULL ||
	    sluice_async_question(&ref, &question) != ASYNC_OK ||
	    !sluice_data_set(&question, raw, rawSize))
		return false;
	packet_dns(question.mbuf)[2] |= 0x80; /* QR */
	packet_of(question.mbuf)->query.flags |= QUERY_SKIP_CACHE;
	async_mark_answered(lua_context.control->async,
			    (struct async_ref){ref.slot, ref.generation});
	return sluice_async_resume(&ref) == ASYNC_OK;
}

bool dnsdist_ffi_set_rcode_from_async(uint16_t asyncID, uint16_t queryID, uint8_t rcode,
				      bool clearAnswers)
{
	struct lua_ref ref;
	return packet_fetch(asyncID, queryID, &ref) != NULL &&
	       sluice_async_rcode(&ref, rcode, clearAnswers) == ASYNC_OK &&
	       sluice_async_resume(&ref) == ASYNC_OK;
}

bool dnsdist_ffi_network_endpoint_new(const char *path, size_t pathSize,
				      dnsdist_ffi_network_endpoint_t **out)
{
	*out = sluice_endpoint(path, pathSize);
	return *out != NULL;
}

bool dnsdist_ffi_network_endpoint_is_valid(const dnsdist_ffi_network_endpoint_t *endpoint)
{
	return sluice_endpoint_valid((struct endpoint *)(uintptr_t)endpoint);
}

bool dnsdist_ffi_network_endpoint_send(const dnsdist_ffi_network_endpoint_t *endpoint,
				       const char *payload, size_t payloadSize)
{
	return sluice_endpoint_send((struct endpoint *)(uintptr_t)endpoint, payload, payloadSize);
}

/* Endpoints are kept by path for the next policy; there is nothing to free early. */
void dnsdist_ffi_network_endpoint_free(dnsdist_ffi_network_endpoint_t *endpoint)
{
	(void)endpoint;
}

const char *dnsdist_ffi_network_message_get_payload(const dnsdist_ffi_network_message_t *msg)
{
	return msg->data;
}

size_t dnsdist_ffi_network_message_get_payload_size(const dnsdist_ffi_network_message_t *msg)
{
	return msg->length;
}

uint16_t dnsdist_ffi_network_message_get_endpoint_id(const dnsdist_ffi_network_message_t *msg)
{
	return msg->endpoint_id;
}

uint16_t dnsdist_ffi_dnsquestion_get_id(const dnsdist_ffi_dnsquestion_t *dq)
{
	size_t length;
	const uint8_t *dns = sluice_data(dq, &length);
	return dns != NULL ? (uint16_t)(dns[0] << 8 | dns[1]) : 0;
}

const unsigned char *dnsdist_ffi_dnsquestion_get_data(const dnsdist_ffi_dnsquestion_t *dq)
{
	size_t length;
	return sluice_data(dq, &length);
}

uint16_t dnsdist_ffi_dnsquestion_get_len(const dnsdist_ffi_dnsquestion_t *dq)
{
	size_t length = 0;
	return sluice_data(dq, &length) != NULL ? (uint16_t)length : 0;
}
