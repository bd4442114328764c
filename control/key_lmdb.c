/* SPDX-License-Identifier: BSD-2-Clause */
#include "control/key_lmdb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lmdb.h>

#include "control/log/log.h"
#include "dataplane/policy.h"
#include "dataplane/rules/key_store.h"
#include "dataplane/rules/live_list.h"

#define DATABASES_MAX 64u /* of a file */
#define READERS_MAX 4096u /* one for each lcore and database, and those of other programs */
#define TELL_MS 5000u /* the log is told of errors so often at most */
/* Address space, not memory: a file that grows beyond what is mapped could not be read. */
#define MAP_MIN ((size_t)64 << 30)

struct file {
	struct file *next;
	dev_t device;
	ino_t inode;
	bool no_lock;
	MDB_env *env;
};

struct reader {
	MDB_txn *transaction;
	MDB_cursor *cursor;
	uint64_t errors; /* look-ups that failed, and why the last one did: its lcore writes */
	int last;
} __attribute__((aligned(64)));

struct key_lmdb {
	struct key_store store;
	struct key_lmdb *next;
	struct file *file;
	char *database;
	uint64_t told; /* errors that the log has */
	MDB_dbi dbi;
	struct policy_blob *blob;
	unsigned n_lcores;
	struct reader *readers;
};

static struct file *files;
static struct key_lmdb *stores;

/* ---- looking up, on any lcore ---- */

static void lmdb_done(const struct key_store *store, unsigned lcore)
{
	const struct key_lmdb *lmdb = (const struct key_lmdb *)store;
	mdb_txn_reset(lmdb->readers[lcore].transaction);
}

/*
 * Ranges are kept under their last address, with the first one at the start of the value: the first
 * key that is not before ours is of the only one that it can be in.
 */
static int range_find(const struct reader *reader, const MDB_val *wanted, MDB_val *data)
{
	MDB_val last = *wanted;
	int error = mdb_cursor_renew(reader->transaction, reader->cursor);
	if (error == 0)
		error = mdb_cursor_get(reader->cursor, &last, data, MDB_SET_RANGE);
	if (error != 0)
		return error;
	bool inside = last.mv_size == wanted->mv_size && data->mv_size >= wanted->mv_size &&
		      memcmp(data->mv_data, wanted->mv_data, wanted->mv_size) <= 0;
	return inside ? 0 : MDB_NOTFOUND;
}

/* That a key is not there is no error. */
static void error_count(struct reader *reader, int error)
{
	if (error == MDB_NOTFOUND)
		return;
	__atomic_store_n(&reader->last, error, __ATOMIC_RELAXED);
	__atomic_store_n(&reader->errors, reader->errors + 1, __ATOMIC_RELAXED);
}

static bool lmdb_find(const struct key_store *store, unsigned lcore, const void *key, size_t length,
		      bool range, struct key_value *value)
{
	const struct key_lmdb *lmdb = (const struct key_lmdb *)store;
	MDB_val wanted = {.mv_data = (void *)key, .mv_size = length}, data;
	if (lcore >= lmdb->n_lcores || length == 0)
		return false;
	struct reader *reader = &lmdb->readers[lcore];
	int error = mdb_txn_renew(reader->transaction);
	if (error != 0) {
		error_count(reader, error);
		return false;
	}
	error = range ? range_find(reader, &wanted, &data)
		      : mdb_get(reader->transaction, lmdb->dbi, &wanted, &data);
	if (error != 0) {
		mdb_txn_reset(reader->transaction);
		error_count(reader, error);
		return false;
	}
	*value = (struct key_value){data.mv_data, data.mv_size};
	return true;
}

/* ---- opening ---- */

static int file_open(const char *path, const struct stat *status, bool no_lock, struct file **opened)
{
	unsigned flags = MDB_RDONLY | MDB_NOSUBDIR | MDB_NOTLS | (no_lock ? MDB_NOLOCK : 0);
	MDB_envinfo info;
	int dead;
	struct file *file = calloc(1, sizeof(*file));
	if (file == NULL)
		return ENOMEM;
	*file = (struct file){files, status->st_dev, status->st_ino, no_lock, NULL};
	int error = mdb_env_create(&file->env);
	if (error == 0)
		error = mdb_env_set_maxdbs(file->env, DATABASES_MAX);
	if (error == 0) /* of no effect where somebody else has made the table of readers */
		error = mdb_env_set_maxreaders(file->env, READERS_MAX);
	if (error == 0)
		error = mdb_env_open(file->env, path, flags, 0600);
	if (error == 0)
		error = mdb_reader_check(file->env, &dead); /* those of programs that were killed */
	if (error == 0)
		error = mdb_env_info(file->env, &info);
	if (error == 0 && info.me_mapsize < MAP_MIN)
		error = mdb_env_set_mapsize(file->env, MAP_MIN);
	if (error != 0) {
		mdb_env_close(file->env);
		free(file);
		return error;
	}
	files = *opened = file;
	return 0;
}

/* The same file under another name is the same. */
static int file_find(const char *path, bool no_lock, struct file **found)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return errno;
	for (struct file *file = files; file != NULL; file = file->next)
		if (file->device == status.st_dev && file->inode == status.st_ino) {
			*found = file;
			return file->no_lock == no_lock ? 0 : EBUSY;
		}
	return file_open(path, &status, no_lock, found);
}

static int readers_open(struct key_lmdb *lmdb)
{
	MDB_env *env = lmdb->file->env;
	const char *name = lmdb->database[0] != '\0' ? lmdb->database : NULL;
	MDB_txn *transaction;
	int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &transaction);
	if (error != 0)
		return error;
	error = mdb_dbi_open(transaction, name, 0, &lmdb->dbi);
	if (error != 0) {
		mdb_txn_abort(transaction);
		return error;
	}
	error = mdb_txn_commit(transaction); /* else the handle goes with it */
	while (error == 0 && lmdb->n_lcores > 0) {
		struct reader *reader = &lmdb->readers[lmdb->n_lcores - 1];
		error = mdb_txn_begin(env, NULL, MDB_RDONLY, &reader->transaction);
		if (error == 0)
			error = mdb_cursor_open(reader->transaction, lmdb->dbi, &reader->cursor);
		if (error == 0)
			mdb_txn_reset(reader->transaction);
		lmdb->n_lcores--;
	}
	return error;
}

static void lmdb_free(struct key_lmdb *lmdb, unsigned n_lcores)
{
	for (unsigned i = 0; lmdb->readers != NULL && i < n_lcores; i++) {
		if (lmdb->readers[i].cursor != NULL)
			mdb_cursor_close(lmdb->readers[i].cursor);
		if (lmdb->readers[i].transaction != NULL)
			mdb_txn_abort(lmdb->readers[i].transaction);
	}
	free(lmdb->readers);
	free(lmdb->database);
	policy_blob_release(lmdb->blob);
	free(lmdb);
}

static int lmdb_open(const char *path, const char *database, struct file *file, unsigned n_lcores)
{
	const char *slash = strrchr(path, '/');
	struct key_lmdb *lmdb = calloc(1, sizeof(*lmdb));
	if (lmdb == NULL)
		return ENOMEM;
	*lmdb = (struct key_lmdb){
		.store = {.find = lmdb_find, .done = lmdb_done},
		.file = file,
		.n_lcores = n_lcores,
		.database = strdup(database),
		.blob = policy_blob_new(sizeof(struct live_list)),
		.readers = aligned_alloc(64, n_lcores * sizeof(struct reader)),
	};
	int error = ENOMEM;
	if (lmdb->readers != NULL)
		memset(lmdb->readers, 0, n_lcores * sizeof(struct reader));
	if (lmdb->database != NULL && lmdb->blob != NULL && lmdb->readers != NULL)
		error = readers_open(lmdb);
	if (error != 0) {
		lmdb_free(lmdb, n_lcores);
		return error;
	}
	lmdb->n_lcores = n_lcores;
	struct live_list *list = (void *)lmdb->blob->data;
	list->kind = LIVE_LIST_STORE;
	list->now = &lmdb->store;
	snprintf(list->name, sizeof(list->name), "%s", slash != NULL ? slash + 1 : path);
	lmdb->next = stores;
	stores = lmdb;
	return 0;
}

struct policy_blob *key_lmdb_open(const char *path, const char *database, bool no_lock,
				  unsigned n_lcores, char *error, size_t error_size)
{
	struct file *file = NULL;
	int code = file_find(path, no_lock, &file);
	if (code == 0)
		for (struct key_lmdb *lmdb = stores; lmdb != NULL; lmdb = lmdb->next)
			if (lmdb->file == file && strcmp(lmdb->database, database) == 0)
				return lmdb->blob;
	if (code == 0)
		code = lmdb_open(path, database, file, n_lcores);
	if (code == 0)
		return stores->blob;
	snprintf(error, error_size, "%s",
		 code == EBUSY ? "it is open already, with another noLock" : mdb_strerror(code));
	return NULL;
}

/* ---- what went wrong ---- */

static uint64_t errors_of(const struct key_lmdb *lmdb, int *last)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < lmdb->n_lcores; i++) {
		uint64_t errors = __atomic_load_n(&lmdb->readers[i].errors, __ATOMIC_RELAXED);
		if (errors > 0)
			*last = __atomic_load_n(&lmdb->readers[i].last, __ATOMIC_RELAXED);
		sum += errors;
	}
	return sum;
}

uint64_t key_lmdb_errors(void)
{
	uint64_t sum = 0;
	int last;
	for (const struct key_lmdb *lmdb = stores; lmdb != NULL; lmdb = lmdb->next)
		sum += errors_of(lmdb, &last);
	return sum;
}

void key_lmdb_tick(uint64_t now)
{
	static uint64_t next;
	if (now < next)
		return;
	next = now + TELL_MS;
	for (struct key_lmdb *lmdb = stores; lmdb != NULL; lmdb = lmdb->next) {
		int last = 0;
		uint64_t errors = errors_of(lmdb, &last), fresh = errors - lmdb->told;
		lmdb->told = errors;
		if (fresh > 0)
			log_error("LMDB: %" PRIu64 " look-ups in %s%s%s failed: %s", fresh,
				  ((const struct live_list *)(const void *)lmdb->blob->data)->name,
				  lmdb->database[0] != '\0' ? ", database " : "", lmdb->database,
				  mdb_strerror(last));
	}
}
