/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses in cipher and passwords as hashes, for policies. */
#include "control/lua/abi.h"

#include "control/crypto/ip_cipher.h"
#include "control/crypto/password.h"

int sluice_cipher_key(const char *password, size_t length, uint8_t *key)
{
	return ip_cipher_key(password, length, key);
}

int sluice_address_cipher(struct lua_address *address, const char *key, bool encrypt)
{
	const uint8_t *bytes = (const uint8_t *)key;
	return encrypt ? ip_cipher_encrypt(address->bytes, address->ipv6, bytes)
		       : ip_cipher_decrypt(address->bytes, address->ipv6, bytes);
}

int sluice_password_hash(const char *password, size_t length, uint32_t work, char *text)
{
	return password_hash(password, length, work, text);
}

bool sluice_password_is_hash(const char *text, size_t length)
{
	return password_is_hash(text, length);
}

bool sluice_password_matches(const char *hash, size_t hash_length, const char *password,
			     size_t length)
{
	return password_matches(hash, hash_length, password, length);
}

bool sluice_password_try(const char *hash, size_t hash_length, const char *password, size_t length)
{
	return password_try(hash, hash_length, password, length, sluice_now() / 1000);
}
