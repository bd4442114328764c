/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/cache_admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "control/log/type_text.h"
#include "dataplane/dns/ecs.h"
#include "dataplane/dns/edns.h"
#include "dataplane/dns/message.h"

/* ---- removing ---- */

struct removal {
	uint64_t surplus; /* how many may still go */
	uint32_t now;
	bool expired_only;
};

static bool removal_visit(void *context, const struct cache_view *view)
{
	struct removal *removal = context;
	bool expired = (int32_t)(removal->now - view->expires) >= 0;
	if (removal->surplus == 0 || (removal->expired_only && !expired))
		return false;
	removal->surplus--;
	return true;
}

uint64_t cache_remove(struct cache *cache, uint64_t left, bool expired_only, uint32_t now,
		      unsigned lcore)
{
	uint64_t count = cache_count(cache);
	struct removal removal = {.surplus = count > left ? count - left : 0,
				  .now = now,
				  .expired_only = expired_only};
	return removal.surplus > 0 ? cache_walk(cache, removal_visit, &removal, lcore) : 0;
}

bool cache_names_have(const struct cache_names *names, const struct cache_view *view)
{
	struct dns_question question;
	if (dns_question_parse(view->message, view->length, &question) != DNS_OK ||
	    (names->qtype >= 0 && question.qtype != names->qtype))
		return false;
	const uint8_t *qname = view->message + DNS_HEADER_SIZE;
	return names->below
		       ? dns_name_within(qname, question.qname_length, names->name, names->length)
		       : dns_name_equal(qname, question.qname_length, names->name, names->length);
}

static bool names_visit(void *context, const struct cache_view *view)
{
	return cache_names_have(context, view);
}

uint64_t cache_remove_names(struct cache *cache, const struct cache_names *names, unsigned lcore)
{
	struct cache_names wanted = *names;
	return cache_walk(cache, names_visit, &wanted, lcore);
}

/* ---- a dump ---- */

struct dump {
	FILE *out;
	uint32_t now;
	int64_t wall; /* the same, since 1970 */
	bool raw;
	int64_t count;
};

/* RFC 4648, section 4. */
static void base64_write(FILE *out, const uint8_t *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t at = 0; at < length; at += 3) {
		size_t left = length - at;
		uint32_t word = (uint32_t)bytes[at] << 16;
		word |= left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
		word |= left > 2 ? bytes[at + 2] : 0;
		char text[5] = {digits[word >> 18], digits[word >> 12 & 63],
				left > 1 ? digits[word >> 6 & 63] : '=',
				left > 2 ? digits[word & 63] : '=', 0};
		fputs(text, out);
	}
}

static void question_write(FILE *out, const struct dns_question *question)
{
	char type[TYPE_TEXT_SIZE];
	if (question->qclass == DNS_CLASS_IN)
		fputs("IN ", out);
	else
		fprintf(out, "CLASS%u ", question->qclass);
	fprintf(out, "%s ; ecs ", type_text_of(question->qtype, type, sizeof(type)));
}

/* What the server was told, if anything. */
static void subnet_write(FILE *out, const struct cache_key *key)
{
	size_t length;
	uint8_t address[16] = {0};
	char text[INET6_ADDRSTRLEN];
	const uint8_t *subnet = cache_key_subnet(key, &length);
	if (subnet == NULL || length < DNS_ECS_HEAD || length > DNS_ECS_HEAD + sizeof(address)) {
		fputs("empty", out);
		return;
	}
	memcpy(address, subnet + DNS_ECS_HEAD, length - DNS_ECS_HEAD);
	int family = dns_u16_load(subnet) == 1 ? AF_INET : AF_INET6;
	fprintf(out, "%s/%u", inet_ntop(family, address, text, sizeof(text)), subnet[2]);
}

/* Whether the query had an OPT with DO, which stands behind type and class. */
static bool wants_dnssec(const struct cache_key *key)
{
	const uint8_t *opt = key->tail + DNS_QUESTION_FIXED;
	return key->tail_length >= DNS_QUESTION_FIXED + DNS_OPT_SIZE && opt[0] == 0 &&
	       dns_u16_load(opt + 1) == DNS_TYPE_OPT && (opt[7] & 0x80) != 0;
}

static bool dump_visit(void *context, const struct cache_view *view)
{
	struct dump *dump = context;
	struct dns_question question;
	char name[DNS_NAME_TEXT_SIZE];
	if (dns_question_parse(view->message, view->length, &question) != DNS_OK ||
	    dns_name_print(view->message + DNS_HEADER_SIZE, name, sizeof(name), true) < 0)
		return false;
	fprintf(dump->out, "%s %" PRId32 " ", name, (int32_t)(view->expires - dump->now));
	question_write(dump->out, &question);
	subnet_write(dump->out, view->key);
	fprintf(dump->out,
		", rcode %u, key %" PRIu64 ", length %zu, received over UDP %u, added %" PRId64
		", dnssecOK %u, raw query flags %u",
		dns_flags_load(view->message) & DNS_FLAG_RCODE,
		cache_key_hash(view->key, 0, view->message + DNS_HEADER_SIZE, question.qname_length),
		view->length, (view->key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_TCP) == 0,
		dump->wall - (dump->now - view->inserted), wants_dnssec(view->key),
		view->key->head[0] | view->key->head[1] << 8);
	if (dump->raw) {
		fputs(", response ", dump->out);
		base64_write(dump->out, view->message, view->length);
	}
	fputc('\n', dump->out);
	dump->count++;
	return false;
}

int64_t cache_dump(struct cache *cache, const char *path, bool raw, uint32_t now,
		   unsigned lcore)
{
	struct dump dump = {.out = fopen(path, "we"), .now = now, .wall = time(NULL), .raw = raw};
	if (dump.out == NULL)
		return -errno;
	fputs("; dump of the packet cache\n;\n", dump.out);
	cache_walk(cache, dump_visit, &dump, lcore);
	bool failed = ferror(dump.out) != 0;
	if (fclose(dump.out) != 0)
		return -errno;
	return failed ? -EIO : dump.count;
}
