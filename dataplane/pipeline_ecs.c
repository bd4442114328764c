/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What servers are told of the client's subnet, what of their answers is not for the client, and what
 * it is told of errors.
 */
#include "dataplane/pipeline_parts.h"

#include <errno.h>

#define FOUND_MALFORMED 2
#define UDP_SIZE 512u /* that a client without EDNS takes: more would only have to be truncated */

/* The query's EDNS, and whether the client sent a subnet: 0, 1, or FOUND_MALFORMED. */
static int edns_look(struct rte_mbuf *mbuf, size_t question_end, struct dns_edns *edns)
{
	const uint8_t *dns = packet_dns(mbuf);
	uint16_t length = packet_of(mbuf)->dns_length;
	struct dns_option option;
	if (unlikely(question_end > length) ||
	    dns_edns_find(dns, length, question_end, edns) != DNS_OK)
		return FOUND_MALFORMED;
	if (edns->rdlength == 0)
		return 0;
	int found = dns_option_find(dns, edns, DNS_OPTION_ECS, &option);
	return found >= 0 ? found : FOUND_MALFORMED;
}

static bool overrides(const struct policy *policy, const struct query_state *query)
{
	if ((query->flags & (QUERY_ECS_KEEP | QUERY_ECS_OVERRIDE)) != 0)
		return (query->flags & QUERY_ECS_OVERRIDE) != 0;
	return policy->ecs.override;
}

/* The subnet that a rule said, or as much of the client's address as is to be told. */
static void subnet_make(const struct policy *policy, const struct query_state *query,
			struct dns_ecs *ecs)
{
	bool ipv6 = (query->flags & QUERY_IPV6) != 0;
	struct note_subnet said;
	uint8_t prefix = ipv6 ? policy->ecs.v6_prefix : policy->ecs.v4_prefix;
	if (unlikely(query->notes != NULL) && subnet_get(query->notes, &said)) {
		dns_ecs_make(ecs, said.address, said.ipv6, said.prefix);
		return;
	}
	if (query->ecs_prefix != 0)
		prefix = (uint8_t)(query->ecs_prefix - 1);
	dns_ecs_make(ecs, query->client_addr, ipv6, prefix);
}

bool pipeline_ecs_choose(const struct policy *policy, struct rte_mbuf *mbuf,
			 struct pipeline_ecs *chosen)
{
	const struct query_state *query = &packet_of(mbuf)->query;
	chosen->ecs.length = 0;
	if ((query->flags & QUERY_ECS_OFF) != 0)
		return true;
	chosen->question_end = (uint16_t)(DNS_HEADER_SIZE + query->qname_length + DNS_QUESTION_FIXED);
	int found = edns_look(mbuf, chosen->question_end, &chosen->edns);
	chosen->replaces = found == 1;
	if (found == 0 || (found == 1 && overrides(policy, query)))
		subnet_make(policy, query, &chosen->ecs);
	return found != FOUND_MALFORMED;
}

struct rte_mbuf *pipeline_widen(struct worker *worker, struct rte_mbuf *mbuf)
{
	/* Longer is only what came over TCP, in the largest buffers that there are. */
	if (unlikely(packet_of(mbuf)->dns_length + (uint32_t)RTE_PKTMBUF_HEADROOM >
		     PACKET_DATA_SIZE))
		return mbuf;
	struct rte_mbuf *larger = rte_pktmbuf_alloc(worker->dataplane->parking.large);
	if (larger == NULL)
		return mbuf;
	packet_move(larger, mbuf);
	return larger;
}

/* The answer may be kept for those alone who are told to be of the same subnet. */
static bool key_fits(const struct packet *packet, const struct dns_ecs *ecs)
{
	size_t length;
	const uint8_t *subnet = cache_key_subnet(&packet->key, &length);
	return subnet != NULL && length == dns_ecs_data_length(ecs) &&
	       memcmp(subnet, dns_ecs_data(ecs), length) == 0;
}

struct rte_mbuf *pipeline_ecs_add(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct pipeline_ecs chosen;
	if (!pipeline_ecs_choose(policy_now(worker), mbuf, &chosen)) {
		pipeline_drop(worker, mbuf, DROP_QUERY_MALFORMED);
		return NULL;
	}
	if (chosen.ecs.length == 0)
		return mbuf;
	if (unlikely(packet_of(mbuf)->dns_length + DNS_ECS_ROOM > packet_dns_capacity(mbuf)))
		mbuf = pipeline_widen(worker, mbuf);
	struct packet *packet = packet_of(mbuf);
	int length = dns_ecs_put(packet_dns(mbuf), packet->dns_length, packet_dns_capacity(mbuf),
				 chosen.question_end, &chosen.edns, &chosen.ecs, UDP_SIZE);
	if (unlikely(length < 0)) {
		pipeline_drop(worker, mbuf, DROP_TOO_LARGE);
		return NULL;
	}
	packet_dns_resize(mbuf, (uint16_t)length);
	if (!chosen.replaces)
		packet->query.flags |= QUERY_ECS_ADDED;
	if ((packet->query.flags & QUERY_HAD_EDNS) == 0)
		packet->query.flags |= QUERY_EDNS_ADDED;
	if (packet->keyed && unlikely(!key_fits(packet, &chosen.ecs)))
		packet->keyed = false; /* a rule behind the look-up changed what is told */
	return mbuf;
}

bool pipeline_ecs_is_shared(struct rte_mbuf *mbuf)
{
	const struct packet *packet = packet_of(mbuf);
	uint16_t both = QUERY_ECS_SHARED | QUERY_ECS_ADDED;
	size_t length;
	const uint8_t *subnet;
	if ((packet->query.flags & both) != both ||
	    (subnet = cache_key_subnet(&packet->key, &length)) == NULL)
		return false;
	return dns_ecs_is_for_all(packet_dns(mbuf), packet->dns_length, subnet, length);
}

void pipeline_edns_restore(struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *dns = packet_dns(mbuf);
	int length;
	if ((packet->query.flags & QUERY_EDNS_ADDED) != 0)
		length = dns_edns_remove(dns, packet->dns_length);
	else
		length = dns_option_remove(dns, packet->dns_length, DNS_OPTION_ECS);
	if (length > 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	packet->query.flags &= (uint16_t)~PIPELINE_EDNS_OURS;
}

static int error_add(struct rte_mbuf *mbuf, const struct note *note)
{
	int length = dns_ede_add(packet_dns(mbuf), packet_of(mbuf)->dns_length,
				 packet_dns_capacity(mbuf), note->info_code, note->value,
				 note->value_length, false);
	if (length > 0)
		packet_dns_resize(mbuf, (uint16_t)length);
	return length;
}

struct rte_mbuf *pipeline_errors_add(struct worker *worker, struct rte_mbuf *mbuf)
{
	struct note_cursor cursor = notes_open(packet_of(mbuf)->query.notes);
	struct note note;
	while (note_next_of(&cursor, NOTE_EDE, &note)) {
		if (error_add(mbuf, &note) != -ENOSPC || mbuf->buf_len >= PACKET_DATA_SIZE)
			continue;
		mbuf = pipeline_widen(worker, mbuf);
		error_add(mbuf, &note);
	}
	return mbuf;
}
