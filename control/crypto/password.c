/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/crypto/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#define SALT 16u
#define HASH 32u
#define PARALLEL 1u
#define BLOCK 8u
#define MEMORY_MAX (UINT64_C(128) << 20) /* bytes */
#define PART_MAX 64u			  /* bytes of a salt or a hash that are read */

struct hash {
	uint32_t work, parallel, block;
	uint8_t salt[PART_MAX], bytes[PART_MAX];
	size_t salt_length, length;
};

static bool work_is_fit(uint32_t work)
{
	return work >= 2 && work <= PASSWORD_WORK_MAX && (work & (work - 1)) == 0;
}

static bool derive(const struct hash *hash, const char *password, size_t length, uint8_t *bytes)
{
	return EVP_PBE_scrypt(password, length, hash->salt, hash->salt_length, hash->work,
			      hash->block, hash->parallel, MEMORY_MAX, bytes, hash->length) == 1;
}

/* Base64 with its padding: the length, or -1. */
static int base64_read(const char *text, size_t length, uint8_t bytes[static PART_MAX])
{
	uint8_t room[PART_MAX + 2];
	if (length == 0 || length % 4 != 0 || length / 4 * 3 > sizeof(room))
		return -1;
	int size = EVP_DecodeBlock(room, (const unsigned char *)text, (int)length);
	size -= text[length - 1] == '=';
	size -= text[length - 2] == '=';
	if (size < 1 || size > (int)PART_MAX)
		return -1;
	memcpy(bytes, room, (size_t)size);
	return size;
}

static bool parameters_read(const char *text, struct hash *hash)
{
	unsigned log, end = 0;
	if (sscanf(text, "ln=%2u,p=%2u,r=%2u%n", &log, &hash->parallel, &hash->block, &end) != 3 ||
	    text[end] != '\0' || log > 16)
		return false;
	hash->work = UINT32_C(1) << log;
	return work_is_fit(hash->work) && hash->parallel >= 1 && hash->parallel <= 16 &&
	       hash->block >= 1 && hash->block <= 16;
}

static bool hash_read(const char *text, size_t length, struct hash *hash)
{
	char copy[PASSWORD_TEXT_SIZE], *at = copy, *parts[5];
	if (length >= sizeof(copy) || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	for (unsigned i = 0; i < 5; i++)
		if ((parts[i] = strsep(&at, "$")) == NULL)
			return false;
	if (at != NULL || *parts[0] != '\0' || strcmp(parts[1], "scrypt") != 0 ||
	    !parameters_read(parts[2], hash))
		return false;
	int salt = base64_read(parts[3], strlen(parts[3]), hash->salt);
	int bytes = base64_read(parts[4], strlen(parts[4]), hash->bytes);
	hash->salt_length = salt > 0 ? (size_t)salt : 0;
	hash->length = bytes > 0 ? (size_t)bytes : 0;
	return salt > 0 && bytes >= 16;
}

int password_hash(const char *password, size_t length, uint32_t work,
		  char text[static PASSWORD_TEXT_SIZE])
{
	struct hash hash = {.work = work, .parallel = PARALLEL, .block = BLOCK,
			    .salt_length = SALT, .length = HASH};
	unsigned char salt[SALT * 2], bytes[HASH * 2];
	if (!work_is_fit(work))
		return -EINVAL;
	if (RAND_bytes(hash.salt, SALT) != 1 || !derive(&hash, password, length, hash.bytes))
		return -EIO;
	EVP_EncodeBlock(salt, hash.salt, SALT);
	EVP_EncodeBlock(bytes, hash.bytes, HASH);
	snprintf(text, PASSWORD_TEXT_SIZE, "$scrypt$ln=%d,p=%u,r=%u$%s$%s", __builtin_ctz(work),
		 PARALLEL, BLOCK, salt, bytes);
	return 0;
}

bool password_is_hash(const char *text, size_t length)
{
	struct hash hash;
	return hash_read(text, length, &hash) &&
	       hash.work * hash.parallel * hash.block <= PASSWORD_COST_MAX;
}

bool password_matches(const char *hash, size_t hash_length, const char *password, size_t length)
{
	struct hash wanted;
	uint8_t made[PART_MAX], other[SHA256_DIGEST_LENGTH];
	if (hash_read(hash, hash_length, &wanted))
		return derive(&wanted, password, length, made) &&
		       CRYPTO_memcmp(made, wanted.bytes, wanted.length) == 0;
	/* Through a digest, so that the time says nothing of the length either. */
	SHA256((const unsigned char *)hash, hash_length, made);
	SHA256((const unsigned char *)password, length, other);
	return CRYPTO_memcmp(made, other, sizeof(other)) == 0;
}

/* ---- within the limit of guesses, which outlives the policy ---- */

#define KEPT 2u /* a password and a key */

static struct {
	uint64_t second;
	unsigned wrong, next;
	uint8_t kept[KEPT][SHA256_DIGEST_LENGTH]; /* of each hash with what was right for it */
} guesses;

static void pair_digest(const char *hash, size_t hash_length, const char *password, size_t length,
			uint8_t digest[static SHA256_DIGEST_LENGTH])
{
	uint8_t parts[2 * SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)hash, hash_length, parts);
	SHA256((const unsigned char *)password, length, parts + SHA256_DIGEST_LENGTH);
	SHA256(parts, sizeof(parts), digest);
}

bool password_try(const char *hash, size_t hash_length, const char *password, size_t length,
		  uint64_t second)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	if (!password_is_hash(hash, hash_length))
		return password_matches(hash, hash_length, password, length);
	pair_digest(hash, hash_length, password, length, digest);
	for (unsigned i = 0; i < KEPT; i++)
		if (CRYPTO_memcmp(guesses.kept[i], digest, sizeof(digest)) == 0)
			return true;
	if (guesses.second != second)
		guesses.wrong = 0;
	guesses.second = second;
	if (guesses.wrong >= PASSWORD_GUESSES)
		return false;
	if (!password_matches(hash, hash_length, password, length)) {
		guesses.wrong++;
		return false;
	}
	memcpy(guesses.kept[guesses.next++ % KEPT], digest, sizeof(digest));
	return true;
}
