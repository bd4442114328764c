/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dnsdist's FFI: types and functions as its policies know them. Read by the compiler and by
 * ffi.cdef() as lua/cdef.h is, and behind that one or lua/cdef_thread.h: declarations only. Any
 * lcore, on the packet that it has in hand; what only the control lcore has is in
 * lua/cdef_dnsdist_control.h.
 */
typedef struct lua_question dnsdist_ffi_dnsquestion_t;
typedef struct lua_question dnsdist_ffi_dnsresponse_t;

typedef struct balance_list dnsdist_ffi_servers_list_t;
typedef struct backend dnsdist_ffi_server_t;

typedef struct dnsdist_ffi_ednsoption {
	uint16_t optionCode;
	uint16_t len;
	const void *data;
} dnsdist_ffi_ednsoption_t;

typedef struct dnsdist_ffi_tag {
	const char *name;
	const char *value;
} dnsdist_ffi_tag_t;

typedef struct dnsdist_ffi_raw_value {
	const char *value;
	uint16_t size;
} dnsdist_ffi_raw_value_t;

typedef struct dnsdist_ffi_proxy_protocol_value {
	const char *value;
	uint16_t size;
	uint8_t type;
} dnsdist_ffi_proxy_protocol_value_t;

typedef struct dnsdist_ffi_http_header {
	const char *name;
	const char *value;
} dnsdist_ffi_http_header_t;

typedef struct dnsdist_ffi_svc_record_parameters dnsdist_ffi_svc_record_parameters;

typedef enum {
	dnsdist_ffi_protocol_type_doudp = 0,
	dnsdist_ffi_protocol_type_dotcp = 1,
	dnsdist_ffi_protocol_type_dnscryptudp = 2,
	dnsdist_ffi_protocol_type_dnscrypttcp = 3,
	dnsdist_ffi_protocol_type_dot = 4,
	dnsdist_ffi_protocol_type_doh = 5,
} dnsdist_ffi_protocol_type;

void dnsdist_ffi_dnsquestion_get_localaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr,
					   size_t *addrSize);
uint16_t dnsdist_ffi_dnsquestion_get_local_port(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_is_remote_v6(const dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsquestion_get_remoteaddr(const dnsdist_ffi_dnsquestion_t *dq, const void **addr,
					    size_t *addrSize);
uint16_t dnsdist_ffi_dnsquestion_get_remote_port(const dnsdist_ffi_dnsquestion_t *dq);
const char *dnsdist_ffi_dnsquestion_get_incoming_interface(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_get_tcp(const dnsdist_ffi_dnsquestion_t *dq);
dnsdist_ffi_protocol_type
dnsdist_ffi_dnsquestion_get_protocol(const dnsdist_ffi_dnsquestion_t *dq);
uint64_t dnsdist_ffi_dnsquestion_get_elapsed_us(const dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsquestion_get_masked_remoteaddr(dnsdist_ffi_dnsquestion_t *dq,
						   const void **addr, size_t *addrSize,
						   uint8_t bits);
void dnsdist_ffi_dnsquestion_get_qname_raw(const dnsdist_ffi_dnsquestion_t *dq,
					   const char **qname, size_t *qnameSize);
size_t dnsdist_ffi_dnsquestion_get_qname_hash(const dnsdist_ffi_dnsquestion_t *dq, size_t init);
uint16_t dnsdist_ffi_dnsquestion_get_qtype(const dnsdist_ffi_dnsquestion_t *dq);
uint16_t dnsdist_ffi_dnsquestion_get_qclass(const dnsdist_ffi_dnsquestion_t *dq);
uint16_t dnsdist_ffi_dnsquestion_get_id(const dnsdist_ffi_dnsquestion_t *dq);
int dnsdist_ffi_dnsquestion_get_rcode(const dnsdist_ffi_dnsquestion_t *dq);
void *dnsdist_ffi_dnsquestion_get_header(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_get_header_copy(const dnsdist_ffi_dnsquestion_t *dq, char *buffer,
					     size_t buffer_size);
bool dnsdist_ffi_dnsquestion_set_header(dnsdist_ffi_dnsquestion_t *dq, const char *buffer);
const unsigned char *dnsdist_ffi_dnsquestion_get_data(const dnsdist_ffi_dnsquestion_t *dq);
uint16_t dnsdist_ffi_dnsquestion_get_len(const dnsdist_ffi_dnsquestion_t *dq);
size_t dnsdist_ffi_dnsquestion_get_size(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_set_size(dnsdist_ffi_dnsquestion_t *dq, size_t newSize);
uint8_t dnsdist_ffi_dnsquestion_get_opcode(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_get_do(const dnsdist_ffi_dnsquestion_t *dq);
uint8_t dnsdist_ffi_dnsquestion_get_edns_version(const dnsdist_ffi_dnsquestion_t *dq);
uint8_t dnsdist_ffi_dnsquestion_get_edns_extended_rcode(const dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsquestion_set_rcode(dnsdist_ffi_dnsquestion_t *dq, int rcode);
void dnsdist_ffi_dnsquestion_set_len(dnsdist_ffi_dnsquestion_t *dq, uint16_t len);
size_t dnsdist_ffi_dnsquestion_get_edns_options(dnsdist_ffi_dnsquestion_t *dq,
						const dnsdist_ffi_ednsoption_t **out);
size_t dnsdist_ffi_dnsquestion_get_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char **out);
bool dnsdist_ffi_dnsquestion_set_trailing_data(dnsdist_ffi_dnsquestion_t *dq, const char *data,
					       size_t dataLen);
bool dnsdist_ffi_dnsquestion_get_skip_cache(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_is_temp_failure_ttl_set(const dnsdist_ffi_dnsquestion_t *dq);
uint32_t dnsdist_ffi_dnsquestion_get_temp_failure_ttl(const dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_get_use_ecs(dnsdist_ffi_dnsquestion_t *dq);
bool dnsdist_ffi_dnsquestion_get_ecs_override(dnsdist_ffi_dnsquestion_t *dq);
uint16_t dnsdist_ffi_dnsquestion_get_ecs_prefix_length(dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsquestion_set_use_ecs(dnsdist_ffi_dnsquestion_t *dq, bool useECS);
void dnsdist_ffi_dnsquestion_set_ecs_override(dnsdist_ffi_dnsquestion_t *dq, bool ecsOverride);
void dnsdist_ffi_dnsquestion_set_ecs_prefix_length(dnsdist_ffi_dnsquestion_t *dq,
						   uint16_t ecsPrefixLength);
const char *dnsdist_ffi_dnsquestion_get_tag(const dnsdist_ffi_dnsquestion_t *dq,
					    const char *label);
size_t dnsdist_ffi_dnsquestion_get_tag_raw(const dnsdist_ffi_dnsquestion_t *dq, const char *label,
					   char *buffer, size_t bufferSize);
size_t dnsdist_ffi_dnsquestion_get_tag_array(dnsdist_ffi_dnsquestion_t *dq,
					     const dnsdist_ffi_tag_t **out);
void dnsdist_ffi_dnsquestion_set_skip_cache(dnsdist_ffi_dnsquestion_t *dq, bool skipCache);
void dnsdist_ffi_dnsquestion_set_temp_failure_ttl(dnsdist_ffi_dnsquestion_t *dq,
						  uint32_t tempFailureTTL);
void dnsdist_ffi_dnsquestion_unset_temp_failure_ttl(dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsquestion_set_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label,
				     const char *value);
void dnsdist_ffi_dnsquestion_unset_tag(dnsdist_ffi_dnsquestion_t *dq, const char *label);
void dnsdist_ffi_dnsquestion_set_tag_raw(dnsdist_ffi_dnsquestion_t *dq, const char *label,
					 const char *value, size_t valueSize);
void dnsdist_ffi_dnsquestion_set_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq,
						    uint16_t infoCode, const char *extraText,
						    size_t extraTextSize);
void dnsdist_ffi_dnsquestion_add_extended_dns_error(dnsdist_ffi_dnsquestion_t *dq,
						    uint16_t infoCode, const char *extraText,
						    size_t extraTextSize);
void dnsdist_ffi_dnsquestion_set_max_returned_ttl(dnsdist_ffi_dnsquestion_t *dq, uint32_t max);
void dnsdist_ffi_dnsquestion_set_result(dnsdist_ffi_dnsquestion_t *dq, const char *str,
					size_t strSize);
void dnsdist_ffi_dnsquestion_spoof_raw(dnsdist_ffi_dnsquestion_t *dq,
				       const dnsdist_ffi_raw_value_t *values, size_t valuesCount);
void dnsdist_ffi_dnsquestion_spoof_addrs(dnsdist_ffi_dnsquestion_t *dq,
					 const dnsdist_ffi_raw_value_t *values,
					 size_t valuesCount);
void dnsdist_ffi_dnsquestion_spoof_packet(dnsdist_ffi_dnsquestion_t *dq, const char *rawresponse,
					  size_t len);
void dnsdist_ffi_dnsresponse_set_min_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min);
void dnsdist_ffi_dnsresponse_set_max_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max);
void dnsdist_ffi_dnsresponse_limit_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t min, uint32_t max);
void dnsdist_ffi_dnsresponse_set_max_returned_ttl(dnsdist_ffi_dnsresponse_t *dr, uint32_t max);
void dnsdist_ffi_dnsresponse_clear_records_type(dnsdist_ffi_dnsresponse_t *dr, uint16_t qtype);
bool dnsdist_ffi_dnsresponse_rebase(dnsdist_ffi_dnsresponse_t *dr, const char *initialName,
				    size_t initialNameSize);
bool dnsdist_ffi_dnsresponse_get_stale_cache_hit(const dnsdist_ffi_dnsresponse_t *dr);
uint8_t dnsdist_ffi_dnsresponse_get_restart_count(const dnsdist_ffi_dnsresponse_t *dr);

bool dnsdist_ffi_dnsquestion_set_alternate_name(
	dnsdist_ffi_dnsquestion_t *dq, const char *alternateName, size_t alternateNameSize,
	const char *tag, size_t tagSize, const char *tagValue, size_t tagValueSize,
	const char *formerNameTagName, size_t formerNameTagSize);

/* For collectors: who asks, and metadata, whose values are those of the key that was begun last. */
void dnsdist_ffi_dnsquestion_set_requestor_id(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					      size_t valueSize);
void dnsdist_ffi_dnsquestion_set_device_id(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					   size_t valueSize);
void dnsdist_ffi_dnsquestion_set_device_name(dnsdist_ffi_dnsquestion_t *dq, const char *value,
					     size_t valueSize);
void dnsdist_ffi_dnsquestion_meta_begin_key(dnsdist_ffi_dnsquestion_t *dq, const char *key,
					    size_t keyLen);
void dnsdist_ffi_dnsquestion_meta_add_str_value_to_key(dnsdist_ffi_dnsquestion_t *dq,
						       const char *value, size_t valueLen);
void dnsdist_ffi_dnsquestion_meta_add_int64_value_to_key(dnsdist_ffi_dnsquestion_t *dq,
							 int64_t value);
void dnsdist_ffi_dnsquestion_meta_end_key(dnsdist_ffi_dnsquestion_t *dq);
void dnsdist_ffi_dnsresponse_meta_begin_key(dnsdist_ffi_dnsresponse_t *dr, const char *key,
					    size_t keyLen);
void dnsdist_ffi_dnsresponse_meta_add_str_value_to_key(dnsdist_ffi_dnsresponse_t *dr,
						       const char *value, size_t valueLen);
void dnsdist_ffi_dnsresponse_meta_add_int64_value_to_key(dnsdist_ffi_dnsresponse_t *dr,
							 int64_t value);
void dnsdist_ffi_dnsresponse_meta_end_key(dnsdist_ffi_dnsresponse_t *dr);

uint32_t dnsdist_ffi_hash(uint32_t seed, const unsigned char *data, size_t dataSize,
			  bool caseInsensitive);
bool dnsdist_ffi_dnsquestion_set_restartable(dnsdist_ffi_dnsquestion_t *dq);

void dnsdist_ffi_metric_inc(const char *metricName, size_t metricNameLen);
void dnsdist_ffi_metric_inc_by(const char *metricName, size_t metricNameLen, uint64_t value);
void dnsdist_ffi_metric_dec(const char *metricName, size_t metricNameLen);
void dnsdist_ffi_metric_set(const char *metricName, size_t metricNameLen, double value);
double dnsdist_ffi_metric_get(const char *metricName, size_t metricNameLen, bool isCounter);

/* What a server policy chooses from; indices from 0. The list is good while the policy runs. */
size_t dnsdist_ffi_servers_list_get_count(const dnsdist_ffi_servers_list_t *list);
void dnsdist_ffi_servers_list_get_server(const dnsdist_ffi_servers_list_t *list, size_t idx,
					 const dnsdist_ffi_server_t **out);
size_t dnsdist_ffi_servers_list_chashed(const dnsdist_ffi_servers_list_t *list,
					const dnsdist_ffi_dnsquestion_t *dq, size_t hash);
size_t dnsdist_ffi_servers_list_whashed(const dnsdist_ffi_servers_list_t *list,
					const dnsdist_ffi_dnsquestion_t *dq, size_t hash);
uint64_t dnsdist_ffi_server_get_outstanding(const dnsdist_ffi_server_t *server);
bool dnsdist_ffi_server_is_up(const dnsdist_ffi_server_t *server);
const char *dnsdist_ffi_server_get_name(const dnsdist_ffi_server_t *server);
const char *dnsdist_ffi_server_get_name_with_addr(const dnsdist_ffi_server_t *server);
int dnsdist_ffi_server_get_weight(const dnsdist_ffi_server_t *server);
int dnsdist_ffi_server_get_order(const dnsdist_ffi_server_t *server);
double dnsdist_ffi_server_get_latency(const dnsdist_ffi_server_t *server);

/* PROXY headers. What is written, or 0: it does not fit. */
size_t dnsdist_ffi_generate_proxy_protocol_payload(
	size_t addrSize, const void *srcAddr, const void *dstAddr, uint16_t srcPort,
	uint16_t dstPort, bool tcp, size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values, void *out, size_t outSize);
size_t dnsdist_ffi_dnsquestion_generate_proxy_protocol_payload(
	const dnsdist_ffi_dnsquestion_t *dq, const size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values, void *out, const size_t outSize);
bool dnsdist_ffi_dnsquestion_add_proxy_protocol_values(
	dnsdist_ffi_dnsquestion_t *dq, const size_t valuesCount,
	const dnsdist_ffi_proxy_protocol_value_t *values);
size_t dnsdist_ffi_dnsquestion_get_proxy_protocol_values(
	dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_proxy_protocol_value_t **out);

/* The client's, if it is on the link: six bytes, else none. */
size_t dnsdist_ffi_dnsquestion_get_mac_addr(const dnsdist_ffi_dnsquestion_t *dq, void *buffer,
					    size_t bufferSize);

/* Of transports that are not here: there is nothing, and nothing happens. */
void dnsdist_ffi_dnsquestion_get_sni(const dnsdist_ffi_dnsquestion_t *dq, const char **sni,
				     size_t *sniSize);
void dnsdist_ffi_dnsquestion_set_http_response(dnsdist_ffi_dnsquestion_t *dq, uint16_t statusCode,
					       const char *body, size_t bodyLen,
					       const char *contentType);
void dnsdist_ffi_dnsquestion_send_trap(dnsdist_ffi_dnsquestion_t *dq, const char *reason,
				       size_t reasonLen);
const char *dnsdist_ffi_dnsquestion_get_http_path(dnsdist_ffi_dnsquestion_t *dq);
const char *dnsdist_ffi_dnsquestion_get_http_query_string(dnsdist_ffi_dnsquestion_t *dq);
const char *dnsdist_ffi_dnsquestion_get_http_host(dnsdist_ffi_dnsquestion_t *dq);
const char *dnsdist_ffi_dnsquestion_get_http_scheme(dnsdist_ffi_dnsquestion_t *dq);
size_t dnsdist_ffi_dnsquestion_get_http_headers(dnsdist_ffi_dnsquestion_t *dq,
						const dnsdist_ffi_http_header_t **out);

/* Answers of types SVCB and HTTPS. */
bool dnsdist_ffi_svc_record_parameters_new(const char *targetName, uint16_t priority,
					   bool noDefaultALPN,
					   dnsdist_ffi_svc_record_parameters **out);
void dnsdist_ffi_svc_record_parameters_set_port(dnsdist_ffi_svc_record_parameters *parameters,
						uint16_t port);
void dnsdist_ffi_svc_record_parameters_set_ech(dnsdist_ffi_svc_record_parameters *parameters,
					       const char *ech, size_t echLen);
void dnsdist_ffi_svc_record_parameters_set_additional_param(
	dnsdist_ffi_svc_record_parameters *parameters, uint16_t key, const char *value,
	size_t valueLen);
void dnsdist_ffi_svc_record_parameters_add_mandatory_param(
	dnsdist_ffi_svc_record_parameters *parameters, uint16_t key);
void dnsdist_ffi_svc_record_parameters_add_alpn(dnsdist_ffi_svc_record_parameters *parameters,
						const char *value, size_t valueLen);
void dnsdist_ffi_svc_record_parameters_add_ipv4_hint(dnsdist_ffi_svc_record_parameters *parameters,
						     const char *value, size_t valueLen);
void dnsdist_ffi_svc_record_parameters_add_ipv6_hint(dnsdist_ffi_svc_record_parameters *parameters,
						     const char *value, size_t valueLen);
void dnsdist_ffi_svc_record_parameters_free(dnsdist_ffi_svc_record_parameters *parameters);
bool dnsdist_ffi_dnsquestion_generate_svc_response(
	dnsdist_ffi_dnsquestion_t *dq, const dnsdist_ffi_svc_record_parameters **parametersList,
	size_t parametersListSize, uint32_t ttl);
