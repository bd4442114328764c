/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/cache_admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

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

static bool dump_visit(void *context, const struct cache_view *view)
{
	struct dump *dump = context;
	struct dns_question question;
	char name[DNS_NAME_TEXT_SIZE];
	if (dns_question_parse(view->message, view->length, &question) != DNS_OK ||
	    dns_name_print(view->message + DNS_HEADER_SIZE, name, sizeof(name), true) < 0)
		return false;
	fprintf(dump->out,
		"%s %" PRId32 " CLASS%u TYPE%u ; rcode %u, length %zu, received over UDP %u, "
		"added %" PRIu32 " seconds ago",
		name, (int32_t)(view->expires - dump->now), question.qclass, question.qtype,
		dns_flags_load(view->message) & DNS_FLAG_RCODE, view->length,
		(view->key->head[CACHE_KEY_HEAD - 1] & CACHE_KEY_TCP) == 0,
		dump->now - view->inserted);
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
	struct dump dump = {.out = fopen(path, "we"), .now = now, .raw = raw};
	if (dump.out == NULL)
		return -errno;
	fputs("; dump of the packet cache\n;\n", dump.out);
	cache_walk(cache, dump_visit, &dump, lcore);
	bool failed = ferror(dump.out) != 0;
	if (fclose(dump.out) != 0)
		return -errno;
	return failed ? -EIO : dump.count;
}
