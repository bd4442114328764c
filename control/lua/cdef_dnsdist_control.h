/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsdist's FFI for what the control lcore alone has: suspended packets, sockets, memory. Read as
 * lua/cdef_dnsdist.h is, and behind that one.
 */
typedef struct lua_datagram dnsdist_ffi_network_message_t;
typedef struct dnsdist_ffi_network_endpoint_t dnsdist_ffi_network_endpoint_t;
typedef struct dnsdist_ffi_dnspacket_t dnsdist_ffi_dnspacket_t;
typedef struct dnsdist_ffi_ring_entry_list_t dnsdist_ffi_ring_entry_list_t;
typedef struct lua_suffix dnsdist_ffi_stat_node_t;

bool dnsdist_ffi_dnsquestion_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs);
bool dnsdist_ffi_dnsresponse_set_async(dnsdist_ffi_dnsquestion_t *dq, uint16_t asyncID,
				       uint16_t queryID, uint32_t timeoutMs);
bool dnsdist_ffi_resume_from_async(uint16_t asyncID, uint16_t queryID, const char *tag,
				   size_t tagSize, const char *tagValue, size_t tagValueSize,
				   bool useCache);
bool dnsdist_ffi_drop_from_async(uint16_t asyncID, uint16_t queryID);
bool dnsdist_ffi_set_answer_from_async(uint16_t asyncID, uint16_t queryID, const char *raw,
				       size_t rawSize);
bool dnsdist_ffi_set_rcode_from_async(uint16_t asyncID, uint16_t queryID, uint8_t rcode,
				      bool clearAnswers);
bool dnsdist_ffi_resume_from_async_with_alternate_name(
	uint16_t asyncID, uint16_t queryID, const char *alternateName, size_t alternateNameSize,
	const char *tag, size_t tagSize, const char *tagValue, size_t tagValueSize,
	const char *formerNameTagName, size_t formerNameTagSize);

bool dnsdist_ffi_network_endpoint_new(const char *path, size_t pathSize,
				      dnsdist_ffi_network_endpoint_t **out);
bool dnsdist_ffi_network_endpoint_is_valid(const dnsdist_ffi_network_endpoint_t *endpoint);
bool dnsdist_ffi_network_endpoint_send(const dnsdist_ffi_network_endpoint_t *endpoint,
				       const char *payload, size_t payloadSize);
void dnsdist_ffi_network_endpoint_free(dnsdist_ffi_network_endpoint_t *endpoint);
const char *dnsdist_ffi_network_message_get_payload(const dnsdist_ffi_network_message_t *msg);
size_t dnsdist_ffi_network_message_get_payload_size(const dnsdist_ffi_network_message_t *msg);
uint16_t dnsdist_ffi_network_message_get_endpoint_id(const dnsdist_ffi_network_message_t *msg);

bool dnsdist_ffi_dnspacket_parse(const char *packet, size_t packetSize,
				 dnsdist_ffi_dnspacket_t **out);
void dnsdist_ffi_dnspacket_get_qname_raw(const dnsdist_ffi_dnspacket_t *packet, const char **qname,
					 size_t *qnameSize);
uint16_t dnsdist_ffi_dnspacket_get_qtype(const dnsdist_ffi_dnspacket_t *packet);
uint16_t dnsdist_ffi_dnspacket_get_qclass(const dnsdist_ffi_dnspacket_t *packet);
uint16_t dnsdist_ffi_dnspacket_get_records_count_in_section(const dnsdist_ffi_dnspacket_t *packet,
							    uint8_t section);
void dnsdist_ffi_dnspacket_get_record_name_raw(const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					       const char **name, size_t *nameSize);
uint16_t dnsdist_ffi_dnspacket_get_record_type(const dnsdist_ffi_dnspacket_t *packet, size_t idx);
uint16_t dnsdist_ffi_dnspacket_get_record_class(const dnsdist_ffi_dnspacket_t *packet, size_t idx);
uint32_t dnsdist_ffi_dnspacket_get_record_ttl(const dnsdist_ffi_dnspacket_t *packet, size_t idx);
uint16_t dnsdist_ffi_dnspacket_get_record_content_length(const dnsdist_ffi_dnspacket_t *packet,
							 size_t idx);
uint16_t dnsdist_ffi_dnspacket_get_record_content_offset(const dnsdist_ffi_dnspacket_t *packet,
							 size_t idx);
size_t dnsdist_ffi_dnspacket_get_name_at_offset_raw(const char *packet, size_t packetSize,
						    size_t offset, char *name, size_t nameSize);
bool dnsdist_ffi_dnspacket_parse_a_record(const char *raw, const dnsdist_ffi_dnspacket_t *packet,
					  size_t idx, char *addr, size_t *addrSize);
bool dnsdist_ffi_dnspacket_parse_aaaa_record(const char *raw,
					     const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					     char *addr, size_t *addrSize);
bool dnsdist_ffi_dnspacket_parse_address_record(const char *raw,
						const dnsdist_ffi_dnspacket_t *packet, size_t idx,
						char *addr, size_t *addrSize);
bool dnsdist_ffi_dnspacket_parse_cname_record(const char *raw,
					      const dnsdist_ffi_dnspacket_t *packet, size_t idx,
					      char *name, size_t *nameSize);
void dnsdist_ffi_dnspacket_free(dnsdist_ffi_dnspacket_t *packet);
typedef struct dnsdist_ffi_dynamic_block_entry {
	char *key; /* the client's network, or the name */
	char *reason;
	uint64_t blockedQueries;
	uint64_t remainingTime; /* seconds */
	uint8_t action;
	bool ebpf;
	bool warning;
} dnsdist_ffi_dynamic_block_entry_t;
typedef struct dnsdist_ffi_dynamic_blocks_list_t dnsdist_ffi_dynamic_blocks_list_t;
bool dnsdist_ffi_dynamic_blocks_add(const char *address, const char *message, uint8_t action,
				    unsigned int duration, uint8_t clientIPMask,
				    uint8_t clientIPPortMask, const char *tagKey,
				    const char *tagValue);
bool dnsdist_ffi_dynamic_blocks_smt_add(const char *suffix, const char *message, uint8_t action,
					unsigned int duration, const char *tagKey,
					const char *tagValue);
size_t dnsdist_ffi_dynamic_blocks_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out);
size_t dnsdist_ffi_dynamic_blocks_smt_get_entries(dnsdist_ffi_dynamic_blocks_list_t **out);
const dnsdist_ffi_dynamic_block_entry_t *
dnsdist_ffi_dynamic_blocks_list_get(const dnsdist_ffi_dynamic_blocks_list_t *list, size_t idx);
void dnsdist_ffi_dynamic_blocks_list_free(dnsdist_ffi_dynamic_blocks_list_t *list);

bool dnsdist_ffi_metric_declare(const char *name, size_t nameLen, const char *type,
				const char *description, const char *customName);

/* Of late queries and responses; the MAC address is six bytes as they are. */
size_t dnsdist_ffi_ring_get_entries(dnsdist_ffi_ring_entry_list_t **out);
size_t dnsdist_ffi_ring_get_entries_by_addr(const char *addr, dnsdist_ffi_ring_entry_list_t **out);
size_t dnsdist_ffi_ring_get_entries_by_mac(const char *addr, dnsdist_ffi_ring_entry_list_t **out);
void dnsdist_ffi_ring_entry_list_free(dnsdist_ffi_ring_entry_list_t *list);
bool dnsdist_ffi_ring_entry_is_response(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
double dnsdist_ffi_ring_entry_get_age(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
const char *dnsdist_ffi_ring_entry_get_name(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_type(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
const char *dnsdist_ffi_ring_entry_get_requestor(const dnsdist_ffi_ring_entry_list_t *list,
    size_t idx);
const char *dnsdist_ffi_ring_entry_get_backend(const dnsdist_ffi_ring_entry_list_t *list,
    size_t idx);
uint8_t dnsdist_ffi_ring_entry_get_protocol(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_size(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_latency(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_id(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint8_t dnsdist_ffi_ring_entry_get_rcode(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
bool dnsdist_ffi_ring_entry_get_aa(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
bool dnsdist_ffi_ring_entry_get_rd(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
bool dnsdist_ffi_ring_entry_get_tc(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_ancount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_nscount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
uint16_t dnsdist_ffi_ring_entry_get_arcount(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
bool dnsdist_ffi_ring_entry_has_mac_address(const dnsdist_ffi_ring_entry_list_t *list, size_t idx);
const char *dnsdist_ffi_ring_entry_get_mac_address(const dnsdist_ffi_ring_entry_list_t *list,
    size_t idx);

/* What visitors of dynamic blocks by suffix look at. */
uint64_t dnsdist_ffi_stat_node_get_queries_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_noerrors_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_nxdomains_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_servfails_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_drops_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_bytes(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_hits(const dnsdist_ffi_stat_node_t *node);
unsigned int dnsdist_ffi_stat_node_get_labels_count(const dnsdist_ffi_stat_node_t *node);
void dnsdist_ffi_stat_node_get_full_name_raw(const dnsdist_ffi_stat_node_t *node, const char **name,
					     size_t *nameSize);
unsigned int dnsdist_ffi_stat_node_get_children_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_queries_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_noerrors_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_nxdomains_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_servfails_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_drops_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_bytes_count(const dnsdist_ffi_stat_node_t *node);
uint64_t dnsdist_ffi_stat_node_get_children_hits(const dnsdist_ffi_stat_node_t *node);
void dnsdist_ffi_state_node_set_reason(dnsdist_ffi_stat_node_t *node, const char *reason,
				       size_t reasonSize);
void dnsdist_ffi_state_node_set_action(dnsdist_ffi_stat_node_t *node, int blockAction);

/* Packet caches: texts, which are good until their list is freed. */
typedef struct dnsdist_ffi_domain_list_t dnsdist_ffi_domain_list_t;
typedef struct dnsdist_ffi_address_list_t dnsdist_ffi_address_list_t;
size_t dnsdist_ffi_packetcache_get_domain_list_by_addr(const char *poolName, const char *addr,
						       dnsdist_ffi_domain_list_t **out);
size_t dnsdist_ffi_packetcache_get_address_list_by_domain(const char *poolName, const char *domain,
							  dnsdist_ffi_address_list_t **out);
const char *dnsdist_ffi_domain_list_get(const dnsdist_ffi_domain_list_t *list, size_t idx);
void dnsdist_ffi_domain_list_free(dnsdist_ffi_domain_list_t *list);
const char *dnsdist_ffi_address_list_get(const dnsdist_ffi_address_list_t *list, size_t idx);
void dnsdist_ffi_address_list_free(dnsdist_ffi_address_list_t *list);
