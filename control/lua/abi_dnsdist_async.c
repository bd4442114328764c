/* SPDX-License-Identifier: BSD-2-Clause */
/* dnsdist's FFI for suspended packets, endpoints and datagrams. */
#include "control/lua/abi.h"

#include "control/lua/guard.h"
#include "dataplane/dns/message.h"

bool dnsdist_ffi_dnsquestion_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs)
{
	return sluice_suspend(dq, asyncID, queryID, timeoutMs);
}

bool dnsdist_ffi_dnsresponse_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs)
{
	return sluice_suspend(dq, asyncID, queryID, timeoutMs);
}

/* A packet that was fetched and could not be edited stays suspended, as it was. */
static bool put_back(const struct lua_object *object)
{
	async_unfetch(lua_abi_context()->async,
		      (struct async_ref){object->slot, object->generation});
	return false;
}

struct fetched {
	struct lua_object object;
	struct lua_question question;
};

static bool fetch(uint16_t async_id, uint16_t query_id, struct fetched *fetched)
{
	return sluice_object_fetch(async_id, query_id, &fetched->object) &&
	       sluice_object_question(&fetched->object, &fetched->question) == 0;
}

static bool tag_put(struct lua_question *question, const char *tag, size_t size, const char *value,
		    size_t value_size)
{
	if (tag == NULL || size == 0)
		return true;
	return sluice_question_tag_set(question, tag, size, value != NULL ? value : "",
				       value != NULL ? value_size : 0) == 0;
}

bool dnsdist_ffi_resume_from_async(uint16_t asyncID, uint16_t queryID, const char *tag,
				   size_t tagSize, const char *tagValue, size_t tagValueSize,
				   bool useCache)
{
	struct fetched fetched;
	if (!fetch(asyncID, queryID, &fetched))
		return false;
	if (!tag_put(&fetched.question, tag, tagSize, tagValue, tagValueSize))
		return put_back(&fetched.object);
	if (!useCache)
		sluice_question_skip_cache_set(&fetched.question, true);
	return sluice_object_resume(&fetched.object) == 0;
}

bool dnsdist_ffi_drop_from_async(uint16_t asyncID, uint16_t queryID)
{
	struct lua_object object;
	return sluice_object_fetch(asyncID, queryID, &object) && sluice_object_drop(&object) == 0;
}

bool dnsdist_ffi_set_answer_from_async(uint16_t asyncID, uint16_t queryID, const char *raw,
				       size_t rawSize)
{
	struct fetched fetched;
	if (raw == NULL || rawSize < DNS_HEADER_SIZE || rawSize > DNS_MESSAGE_MAX ||
	    !fetch(asyncID, queryID, &fetched))
		return false;
	if (sluice_question_content_set(&fetched.question, raw, rawSize) < 0)
		return put_back(&fetched.object);
	struct rte_mbuf *mbuf = sluice_question_find(&fetched.question);
	dns_header_of(packet_dns(mbuf))->qr = 1;
	sluice_question_skip_cache_set(&fetched.question, true);
	return sluice_object_resume(&fetched.object) == 0;
}

bool dnsdist_ffi_set_rcode_from_async(uint16_t asyncID, uint16_t queryID, uint8_t rcode,
				      bool clearAnswers)
{
	struct lua_object object;
	if (!sluice_object_fetch(asyncID, queryID, &object))
		return false;
	if (sluice_object_rcode(&object, rcode, clearAnswers) < 0)
		return put_back(&object);
	return sluice_object_resume(&object) == 0;
}

/*
 * The former name is noted as its wire bytes: dnsdist_ffi_dnsresponse_rebase() takes them. Past the cache:
 * an answer out of it meets no response rules, which are to give it the former name.
 */
static bool alternate_name(struct lua_question *question, const char *alternate,
			   size_t alternate_size, const char *tag, size_t tag_size,
			   const char *value, size_t value_size, const char *former_tag,
			   size_t former_tag_size)
{
	struct lua_name name, former;
	if (alternate == NULL || sluice_name_load(alternate, alternate_size, &name) < 0 ||
	    !sluice_question_qname(question, &former) ||
	    sluice_question_rename(question, &name) < 0)
		return false;
	sluice_question_skip_cache_set(question, true);
	return tag_put(question, former_tag, former_tag_size, (const char *)former.wire,
		       former.length) &&
	       tag_put(question, tag, tag_size, value, value_size);
}

bool dnsdist_ffi_dnsquestion_set_alternate_name(
	dnsdist_ffi_dnsquestion_t *dq, const char *alternateName, size_t alternateNameSize,
	const char *tag, size_t tagSize, const char *tagValue, size_t tagValueSize,
	const char *formerNameTagName, size_t formerNameTagSize)
{
	return alternate_name(dq, alternateName, alternateNameSize, tag, tagSize, tagValue,
			      tagValueSize, formerNameTagName, formerNameTagSize);
}

/* A response becomes the query that dnsdist_ffi_dnsquestion_set_restartable() kept; false: there is none. */
static bool query_again(struct fetched *fetched)
{
	bool restarted = false;
	if (!fetched->object.response)
		return true;
	if (sluice_question_restart(&fetched->question, &restarted) < 0 || !restarted)
		return false;
	return sluice_object_question(&fetched->object, &fetched->question) == 0;
}

bool dnsdist_ffi_resume_from_async_with_alternate_name(
	uint16_t asyncID, uint16_t queryID, const char *alternateName, size_t alternateNameSize,
	const char *tag, size_t tagSize, const char *tagValue, size_t tagValueSize,
	const char *formerNameTagName, size_t formerNameTagSize)
{
	struct fetched fetched;
	struct lua_name name;
	if (alternateName == NULL || sluice_name_load(alternateName, alternateNameSize, &name) < 0 ||
	    !fetch(asyncID, queryID, &fetched))
		return false;
	if (!query_again(&fetched) ||
	    !alternate_name(&fetched.question, alternateName, alternateNameSize, tag, tagSize,
			    tagValue, tagValueSize, formerNameTagName, formerNameTagSize))
		return put_back(&fetched.object);
	return sluice_object_resume(&fetched.object) == 0;
}

/* ---- endpoints ---- */

/* dnsdist's type is opaque: ours behind it is struct endpoint. */
static struct endpoint *endpoint_of(const dnsdist_ffi_network_endpoint_t *endpoint)
{
	return (struct endpoint *)(uintptr_t)endpoint;
}

bool dnsdist_ffi_network_endpoint_new(const char *path, size_t pathSize,
				      dnsdist_ffi_network_endpoint_t **out)
{
	if (path == NULL || out == NULL)
		return false;
	*out = (dnsdist_ffi_network_endpoint_t *)sluice_endpoint_open(path, pathSize);
	return *out != NULL;
}

bool dnsdist_ffi_network_endpoint_is_valid(const dnsdist_ffi_network_endpoint_t *endpoint)
{
	return endpoint != NULL && sluice_endpoint_valid(endpoint_of(endpoint));
}

bool dnsdist_ffi_network_endpoint_send(const dnsdist_ffi_network_endpoint_t *endpoint,
				       const char *payload, size_t payloadSize)
{
	return endpoint != NULL && payload != NULL &&
	       sluice_endpoint_send(endpoint_of(endpoint), payload, payloadSize);
}

/* Endpoints live as long as their policy, which may have the same path twice. */
void dnsdist_ffi_network_endpoint_free(dnsdist_ffi_network_endpoint_t *endpoint)
{
	(void)endpoint;
}

const char *dnsdist_ffi_network_message_get_payload(const dnsdist_ffi_network_message_t *msg)
{
	return msg != NULL ? lua_guard_copy(NULL, msg->data, msg->length, __func__) : NULL;
}

size_t dnsdist_ffi_network_message_get_payload_size(const dnsdist_ffi_network_message_t *msg)
{
	return msg != NULL ? msg->length : 0;
}

uint16_t dnsdist_ffi_network_message_get_endpoint_id(const dnsdist_ffi_network_message_t *msg)
{
	return msg != NULL ? msg->endpoint_id : 0;
}
