/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/export/copies.h"

#include <errno.h>
#include <unistd.h>

#include "dataplane/dns/ecs.h"
#include "dataplane/dns/message.h"
#include "dataplane/net/proxy.h"
#include "dataplane/stats.h"

#define BURST 4096u /* answers that are taken at once: more than copies that were sent meanwhile */
#define ECS_V4 24u /* bits that the server is told, as servers are unless the policy says more */
#define ECS_V6 56u
#define ANSWER_MAX 4096u /* more of an answer is not looked at */

const char *const copies_names[COPIES_COUNT] = {
#define X(name, text, help) [COPIES_##name] = text,
	COPIES_COUNTERS(X)
#undef X
};

static void count(struct copies *copies, enum copies_counter counter)
{
	stats_add(&copies->counters[counter], 1);
}

int copies_open(struct copies *copies, const struct sockaddr_storage *remote,
		const struct sockaddr_storage *local, socklen_t size)
{
	int fd = socket(remote->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	copies->fd = fd;
	if (fd < 0)
		return -errno;
	if ((local->ss_family != AF_UNSPEC && bind(fd, (const struct sockaddr *)local, size) < 0) ||
	    connect(fd, (const struct sockaddr *)remote, size) < 0) {
		int error = -errno;
		copies_close(copies);
		return error;
	}
	return 0;
}

void copies_close(struct copies *copies)
{
	if (copies->fd >= 0)
		close(copies->fd);
	copies->fd = -1;
}

/* Puts the client's subnet into the query; its length, as it was if that does not go. */
static size_t subnet_put(const struct export_record *record, uint8_t *query, size_t length,
			 size_t room)
{
	bool ipv6 = record->flags & EXPORT_IPV6;
	struct dns_question question;
	struct dns_edns edns;
	struct dns_ecs ecs;
	if (dns_question_parse(query, length, &question) != DNS_OK ||
	    dns_edns_find(query, length, question.end, &edns) != DNS_OK)
		return length;
	dns_ecs_make(&ecs, record->client, ipv6, ipv6 ? ECS_V6 : ECS_V4);
	int made = dns_ecs_put(query, length, room, question.end, &edns, &ecs, DNS_EDNS_UDP_SIZE);
	return made < 0 ? length : (size_t)made;
}

static size_t header_put(const struct export_record *record, uint8_t *to)
{
	struct proxy_header header = {
		.ipv6 = (record->flags & EXPORT_IPV6) != 0,
		.source_port = record->client_port,
		.destination_port = record->local_port,
	};
	memcpy(header.source, record->client, sizeof(header.source));
	memcpy(header.destination, record->local, sizeof(header.destination));
	return proxy_write(to, &header, 0);
}

void copies_send(struct copies *copies, const struct export_form *form,
		 const struct export_record *record, uint8_t *to, size_t room)
{
	size_t head = 0, length = record->message_length;
	if (record->flags & EXPORT_TCP) {
		count(copies, COPIES_TCP_DROPS);
		return;
	}
	count(copies, COPIES_QUERIES);
	if (form->flags & EXPORT_FORM_PROXY)
		head = header_put(record, to);
	memcpy(to + head, record->bytes, length);
	if (form->flags & EXPORT_FORM_SUBNET)
		length = subnet_put(record, to + head, length, room - head);
	if (copies->fd < 0 ||
	    send(copies->fd, to, head + length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		count(copies, COPIES_SEND_ERRORS);
}

static enum copies_counter counter_of(uint8_t rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return COPIES_NOERROR;
	case DNS_RCODE_FORMERR:
		return COPIES_FORMERR;
	case DNS_RCODE_SERVFAIL:
		return COPIES_SERVFAIL;
	case DNS_RCODE_NXDOMAIN:
		return COPIES_NXDOMAIN;
	case DNS_RCODE_NOTIMP:
		return COPIES_NOTIMP;
	case DNS_RCODE_REFUSED:
		return COPIES_REFUSED;
	default:
		return COPIES_OTHER_RCODE;
	}
}

void copies_receive(struct copies *copies)
{
	uint8_t answer[ANSWER_MAX];
	for (unsigned i = 0; i < BURST && copies->fd >= 0; i++) {
		ssize_t length = recv(copies->fd, answer, sizeof(answer), MSG_DONTWAIT);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (length < (ssize_t)DNS_HEADER_SIZE) {
			count(copies, COPIES_RECV_ERRORS);
			continue;
		}
		count(copies, COPIES_RESPONSES);
		count(copies, counter_of(dns_header_peek(answer)->rcode));
	}
}
