/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong in an LMDB file is told from what is not there. */
#include "control/key_lmdb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lmdb.h>

#include "dataplane/policy.h"
#include "dataplane/rules/key_store.h"
#include "dataplane/rules/live_list.h"
#include "tests/unit/unit.h"

static char path[] = "/tmp/test_key_lmdb.XXXXXX";

static void database_write(void)
{
	MDB_env *env;
	MDB_txn *transaction;
	MDB_dbi dbi;
	MDB_val key = {3, "key"}, value = {5, "value"};
	ck_assert_int_eq(mdb_env_create(&env), 0);
	ck_assert_int_eq(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
	ck_assert_int_eq(mdb_txn_begin(env, NULL, 0, &transaction), 0);
	ck_assert_int_eq(mdb_dbi_open(transaction, NULL, 0, &dbi), 0);
	ck_assert_int_eq(mdb_put(transaction, dbi, &key, &value, 0), 0);
	ck_assert_int_eq(mdb_txn_commit(transaction), 0);
	mdb_env_close(env);
}

/* All pages but the two with which the file begins. */
static void pages_break(void)
{
	static const char zeros[65536];
	int fd = open(path, O_WRONLY);
	off_t end = lseek(fd, 0, SEEK_END), page = sysconf(_SC_PAGESIZE);
	ck_assert(fd >= 0 && end > 2 * page && end - 2 * page <= (off_t)sizeof(zeros));
	ck_assert_int_eq(pwrite(fd, zeros, (size_t)(end - 2 * page), 2 * page), end - 2 * page);
	close(fd);
}

START_TEST(errors)
{
	char error[256], lock[64];
	struct key_value value;
	int fd = mkstemp(path);
	close(fd);
	unlink(path);
	database_write();
	struct policy_blob *blob = key_lmdb_open(path, "", false, 2, error, sizeof(error));
	ck_assert_msg(blob != NULL, "%s", error);
	const struct key_store *store = live_list_store((const void *)blob->data);
	ck_assert(store->find(store, 0, "key", 3, false, &value));
	ck_assert(value.length == 5 && memcmp(value.bytes, "value", 5) == 0);
	key_store_done(store, 0);
	ck_assert(!store->find(store, 1, "none", 4, false, &value));
	ck_assert(!store->find(store, 1, "none", 4, true, &value));
	ck_assert_uint_eq(key_lmdb_errors(), 0);
	pages_break();
	ck_assert(!store->find(store, 0, "key", 3, false, &value));
	ck_assert(!store->find(store, 1, "key", 3, true, &value));
	ck_assert_uint_eq(key_lmdb_errors(), 2);
	key_lmdb_tick(1000000);
	snprintf(lock, sizeof(lock), "%s-lock", path);
	unlink(lock);
	unlink(path);
}
END_TEST

static Suite *key_lmdb_suite(void)
{
	Suite *suite = suite_create("key_lmdb");
	TCase *all = tcase_create("all");
	tcase_add_test(all, errors);
	suite_add_tcase(suite, all);
	return suite;
}

UNIT_MAIN(key_lmdb_suite)
