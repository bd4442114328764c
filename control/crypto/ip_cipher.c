/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/crypto/ip_cipher.h"

#include <errno.h>
#include <limits.h>

#include <openssl/evp.h>

#define SALT "ipcipheripcipher"
#define ROUNDS 50000
#define BLOCK 16
#define BITS 128 /* of a block */

int ip_cipher_key(const char *password, size_t length, uint8_t key[static IP_CIPHER_KEY])
{
	if (length > INT_MAX ||
	    PKCS5_PBKDF2_HMAC_SHA1(password, (int)length, (const unsigned char *)SALT,
				   sizeof(SALT) - 1, ROUNDS, IP_CIPHER_KEY, key) != 1)
		return -ENOMEM;
	return 0;
}

/* ---- IPv4 ---- */

static uint8_t turned(uint8_t byte, unsigned left)
{
	return (uint8_t)(byte << left | byte >> (8 - left));
}

static void key_add(uint8_t *state, const uint8_t *key)
{
	for (unsigned i = 0; i < 4; i++)
		state[i] ^= key[i];
}

static void permute(uint8_t *s)
{
	s[0] = (uint8_t)(s[0] + s[1]);
	s[2] = (uint8_t)(s[2] + s[3]);
	s[1] = turned(s[1], 2) ^ s[0];
	s[3] = turned(s[3], 5) ^ s[2];
	s[0] = (uint8_t)(turned(s[0], 4) + s[3]);
	s[2] = (uint8_t)(s[2] + s[1]);
	s[1] = turned(s[1], 3) ^ s[2];
	s[3] = turned(s[3], 7) ^ s[0];
	s[2] = turned(s[2], 4);
}

static void permute_back(uint8_t *s)
{
	s[2] = turned(s[2], 4);
	s[1] = turned(s[1] ^ s[2], 5);
	s[3] = turned(s[3] ^ s[0], 1);
	s[2] = (uint8_t)(s[2] - s[1]);
	s[0] = turned((uint8_t)(s[0] - s[3]), 4);
	s[1] = turned(s[1] ^ s[0], 6);
	s[3] = turned(s[3] ^ s[2], 3);
	s[0] = (uint8_t)(s[0] - s[1]);
	s[2] = (uint8_t)(s[2] - s[3]);
}

static void encrypt_v4(uint8_t *address, const uint8_t *key)
{
	key_add(address, key);
	for (unsigned round = 1; round < 4; round++) {
		permute(address);
		key_add(address, key + 4 * round);
	}
}

static void decrypt_v4(uint8_t *address, const uint8_t *key)
{
	for (unsigned round = 3; round > 0; round--) {
		key_add(address, key + 4 * round);
		permute_back(address);
	}
	key_add(address, key);
}

/* ---- IPv6 ---- */

/* Blocks, each for itself. */
static int blocks(uint8_t *to, const uint8_t *from, int size, const uint8_t *key, bool encrypt)
{
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	int length = 0;
	bool done = aes != NULL &&
		    EVP_CipherInit_ex(aes, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) == 1 &&
		    EVP_CIPHER_CTX_set_padding(aes, 0) == 1 &&
		    EVP_CipherUpdate(aes, to, &length, from, size) == 1 && length == size;
	EVP_CIPHER_CTX_free(aes);
	return done ? 0 : -ENOMEM;
}

int ip_cipher_encrypt(uint8_t *address, bool ipv6, const uint8_t key[static IP_CIPHER_KEY])
{
	if (ipv6)
		return blocks(address, address, BLOCK, key, true);
	encrypt_v4(address, key);
	return 0;
}

int ip_cipher_decrypt(uint8_t *address, bool ipv6, const uint8_t key[static IP_CIPHER_KEY])
{
	if (ipv6)
		return blocks(address, address, BLOCK, key, false);
	decrypt_v4(address, key);
	return 0;
}

/* ---- networks that stay together ---- */

__extension__ typedef unsigned __int128 block_number;

/* For the bit behind the first `length`: these at the end, behind a 1, and zeros before. */
static void prefix_block(uint8_t *block, block_number whole, unsigned length)
{
	block_number padded = (block_number)1 << length;
	if (length > 0)
		padded |= whole >> (BITS - length);
	for (unsigned i = 0; i < BLOCK; i++)
		block[BLOCK - 1 - i] = (uint8_t)(padded >> 8 * i);
}

int ip_cipher_encrypt_prefixes(uint8_t *address, bool ipv6,
			       const uint8_t key[static IP_CIPHER_PREFIX_KEY])
{
	block_number whole = ipv6 ? 0 : 0xffff; /* IPv4 in IPv6 */
	uint8_t asked[BITS * BLOCK], left[BITS * BLOCK], right[BITS * BLOCK];
	unsigned count = ipv6 ? 128 : 32, first = BITS - count;
	for (unsigned i = 0; i < count / 8; i++)
		whole = whole << 8 | address[i];
	for (unsigned i = 0; i < count; i++)
		prefix_block(asked + i * BLOCK, whole, first + i);
	int size = (int)count * BLOCK;
	int error = blocks(left, asked, size, key, true);
	if (error == 0)
		error = blocks(right, asked, size, key + BLOCK, true);
	for (unsigned i = 0; error == 0 && i < count; i++) {
		unsigned last = i * BLOCK + BLOCK - 1;
		address[i / 8] ^= (uint8_t)(((left[last] ^ right[last]) & 1) << (7 - i % 8));
	}
	return error;
}
