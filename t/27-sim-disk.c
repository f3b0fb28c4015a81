/* t/27-sim-disk.c - the simulated disk does at every step of a commit what a
 * real one would: what a process sees, what a kill and what a power cut leave;
 * and the map it is made of is an ordered map whose copies stay as they are. */
#include "store/env_sim.h"
#include "store/arena.h"
#include "store/rowmap.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct acta_sim_disks *disks;
	struct acta_sim_disk *disk;
	struct acta_env *env;
	enum acta_sim_step at;
	enum acta_sim_fate fate;
	bool toss;
	int seen, durable, forgotten;
} w;

static enum acta_sim_fate
on_step(void *self, struct acta_sim_disk *disk, enum acta_sim_step step)
{
	return step == w.at ? w.fate : ACTA_SIM_GO;
}

static void *
on_seen(void *self, struct acta_sim_disk *disk, void *before)
{
	w.seen++;
	return (void *)((uintptr_t)before + 1); /* a view that counts */
}

static void
on_durable(void *self, struct acta_sim_disk *disk)
{
	w.durable++;
}

static void
on_forget(void *self, void *view)
{
	w.forgotten++;
}

static bool
on_toss(void *self)
{
	return w.toss;
}

static enum acta_err
open_env(void)
{
	struct acta_env_options options = { .map_size = 1u << 20 };

	return acta_sim_env_open(w.disk, &options, &w.env, NULL);
}

static void
begin(void)
{
	static const struct acta_sim_hooks hooks = { .step = on_step,
		.seen = on_seen,
		.durable = on_durable,
		.forget = on_forget,
		.toss = on_toss };

	memset(&w, 0, sizeof(w));
	w.at = ACTA_SIM_STEPS;
	w.disks = acta_sim_disks_new("d:", &hooks);
	w.disk = acta_sim_disk_at(w.disks, "d:0");
	ck_assert_int_eq(open_env(), ACTA_OK);
}

static void
close_env(void)
{
	w.env->ops->close(w.env);
	w.env = NULL;
	w.at = ACTA_SIM_STEPS;
}

static void
end(void)
{
	if (w.env != NULL)
		close_env();
	acta_sim_disks_free(&w.disks);
	ck_assert_int_eq(w.forgotten, w.seen);
}

static enum acta_err
commit(const char *value)
{
	struct acta_env_txn *txn;
	void *room;
	enum acta_err err = w.env->ops->begin(w.env, true, &txn);

	ck_assert_int_eq(err, ACTA_OK);
	err = w.env->ops->put(txn, ACTA_T_STATE, "k", 1, strlen(value), &room);
	if (err != ACTA_OK) {
		w.env->ops->abort(txn);
		return err;
	}
	memcpy(room, value, strlen(value));
	return w.env->ops->commit(txn);
}

/* What a process that opens it now would read; "" if there is nothing. */
static const char *
reads(bool durable)
{
	static char text[2][64];
	const struct acta_omap_row *row = acta_omap_get(
	    acta_sim_disk_map(w.disk, durable, ACTA_T_STATE), "k", 1);

	snprintf(text[durable], sizeof(text[0]), "%.*s",
	    row ? (int)row->size : 0,
	    row ? (const char *)acta_omap_value(row) : "");
	return text[durable];
}

/* "a" is committed; then the process ends at `step` of the commit of "b". */
static void
killed_at(enum acta_sim_step step)
{
	begin();
	ck_assert_int_eq(commit("a"), ACTA_OK);
	w.at = step;
	w.fate = ACTA_SIM_KILL;
	ck_assert_int_eq(commit("b"), ACTA_EUNSURE);
	close_env();
}

START_TEST(a_kill_leaves_what_was_written_before_it)
{
	static const struct {
		enum acta_sim_step step;
		const char *seen, *durable;
	} cases[] = {
		{ ACTA_SIM_DATA, "a", "a" },
		{ ACTA_SIM_FLUSH, "a", "a" },
		{ ACTA_SIM_ROOT, "a", "a" },
		{ ACTA_SIM_CACHED, "b", "a" },
		{ ACTA_SIM_DONE, "b", "b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		killed_at(cases[i].step);
		ck_assert_str_eq(reads(false), cases[i].seen);
		ck_assert_str_eq(reads(true), cases[i].durable);
		ck_assert(acta_sim_disk_pending(w.disk) ==
		    (strcmp(cases[i].seen, cases[i].durable) != 0));
		end();
	}
}
END_TEST

START_TEST(a_power_cut_loses_or_keeps_what_was_not_durable)
{
	for (int keep = 0; keep < 2; keep++) {
		killed_at(ACTA_SIM_CACHED);
		acta_sim_disk_power(w.disk, keep);
		ck_assert_str_eq(reads(false), keep ? "b" : "a");
		ck_assert_str_eq(reads(true), keep ? "b" : "a");
		end();
	}
}
END_TEST

START_TEST(a_sync_or_the_next_commit_makes_a_dead_writers_commit_durable)
{
	for (int by_commit = 0; by_commit < 2; by_commit++) {
		killed_at(ACTA_SIM_CACHED);
		ck_assert_int_eq(open_env(), ACTA_OK);
		if (by_commit) {
			w.at = ACTA_SIM_ROOT; /* its flush is enough */
			ck_assert_int_eq(commit("c"), ACTA_EUNSURE);
		} else {
			ck_assert_int_eq(w.env->ops->sync(w.env), ACTA_OK);
		}
		ck_assert_str_eq(reads(true), "b");
		end();
	}
}
END_TEST

START_TEST(after_a_failed_flush_the_page_cache_lies_until_a_power_cut)
{
	struct acta_env_txn *txn;

	killed_at(ACTA_SIM_CACHED);
	ck_assert_int_eq(open_env(), ACTA_OK);
	w.at = ACTA_SIM_SYNC;
	w.fate = ACTA_SIM_EIO;
	ck_assert_int_eq(w.env->ops->sync(w.env), ACTA_EUNSURE);
	close_env();
	ck_assert(acta_sim_disk_lies(w.disk));
	ck_assert_int_eq(open_env(), ACTA_OK);
	/* It says that it is well; the disk does not have it. */
	ck_assert_int_eq(w.env->ops->sync(w.env), ACTA_OK);
	ck_assert_str_eq(reads(false), "b");
	ck_assert_str_eq(reads(true), "a");
	ck_assert_int_eq(w.env->ops->begin(w.env, false, &txn), ACTA_OK);
	ck_assert_int_eq(w.env->ops->verify(txn, NULL, 0), ACTA_ECORRUPT);
	w.env->ops->abort(txn);
	close_env();
	acta_sim_disk_power(w.disk, true);
	ck_assert_str_eq(reads(false), "a");
	ck_assert(!acta_sim_disk_lies(w.disk));
	ck_assert_int_eq(open_env(), ACTA_OK);
	ck_assert_int_eq(w.env->ops->begin(w.env, false, &txn), ACTA_OK);
	ck_assert_int_eq(w.env->ops->verify(txn, NULL, 0), ACTA_OK);
	w.env->ops->abort(txn);
	end();
}
END_TEST

START_TEST(who_writes_on_a_lie_has_a_broken_store)
{
	killed_at(ACTA_SIM_CACHED);
	ck_assert_int_eq(open_env(), ACTA_OK);
	w.at = ACTA_SIM_SYNC;
	w.fate = ACTA_SIM_EIO;
	ck_assert_int_eq(w.env->ops->sync(w.env), ACTA_EUNSURE);
	w.at = ACTA_SIM_STEPS;
	ck_assert_int_eq(commit("c"), ACTA_OK);
	close_env();
	ck_assert_int_eq(open_env(), ACTA_ECORRUPT);
	end();
}
END_TEST

START_TEST(a_root_that_failed_is_there_or_not)
{
	for (int made_it = 0; made_it < 2; made_it++) {
		begin();
		ck_assert_int_eq(commit("a"), ACTA_OK);
		w.at = ACTA_SIM_ROOT;
		w.fate = ACTA_SIM_EIO;
		w.toss = made_it;
		ck_assert_int_eq(commit("b"), ACTA_EUNSURE);
		close_env();
		ck_assert_str_eq(reads(false), "a");
		ck_assert_str_eq(reads(true), made_it ? "b" : "a");
		acta_sim_disk_power(w.disk, false);
		ck_assert_str_eq(reads(false), made_it ? "b" : "a");
		end();
	}
}
END_TEST

START_TEST(no_space_is_certainly_not_committed)
{
	static const enum acta_sim_step steps[] = { ACTA_SIM_DATA,
		ACTA_SIM_FLUSH };

	for (size_t i = 0; i < 2; i++) {
		begin();
		ck_assert_int_eq(commit("a"), ACTA_OK);
		w.at = steps[i];
		w.fate = ACTA_SIM_FULL;
		ck_assert_int_eq(commit("b"), ACTA_EFULL);
		ck_assert_str_eq(reads(false), "a");
		w.at = ACTA_SIM_STEPS;
		acta_sim_disk_limit(w.disk, acta_sim_disk_used(w.disk));
		ck_assert_int_eq(commit("c"), ACTA_EFULL);
		acta_sim_disk_limit(w.disk, 0);
		ck_assert_int_eq(commit("d"), ACTA_OK);
		ck_assert_str_eq(reads(true), "d");
		end();
	}
}
END_TEST

START_TEST(a_copy_stays_and_can_be_put_back)
{
	struct acta_sim_copy *copy;

	begin();
	ck_assert_int_eq(commit("a"), ACTA_OK);
	copy = acta_sim_copy_take(w.disk);
	ck_assert_int_eq(commit("b"), ACTA_OK);
	ck_assert_ptr_eq(acta_sim_disk_view(w.disk, true), (void *)2);
	close_env();
	acta_sim_copy_put(copy, w.disk);
	ck_assert_str_eq(reads(false), "a");
	ck_assert_str_eq(reads(true), "a");
	/* And with it what the watcher made of it. */
	ck_assert_ptr_eq(acta_sim_disk_view(w.disk, true), (void *)1);
	ck_assert_int_eq(open_env(), ACTA_OK);
	ck_assert_int_eq(commit("c"), ACTA_OK);
	close_env();
	acta_sim_copy_put(NULL, w.disk);
	ck_assert_str_eq(reads(true), "");
	acta_sim_copy_put(copy, w.disk);
	ck_assert_str_eq(reads(true), "a");
	acta_sim_copy_free(&copy);
	end();
}
END_TEST

START_TEST(one_writer_at_a_time_and_readers_beside_it)
{
	struct acta_env_options options = { .read_only = true };
	struct acta_env_txn *old, *new;
	struct acta_env *reader, *first = NULL;
	struct acta_why why = { "", "" };
	const void *value;
	size_t size;

	begin();
	ck_assert_int_eq(acta_sim_env_open(acta_sim_disk_at(w.disks, "d:1"),
			     &options, &reader, &why),
	    ACTA_ENOENT);
	first = w.env;
	ck_assert_int_eq(open_env(), ACTA_EBUSY);
	w.env = first;
	ck_assert_int_eq(commit("a"), ACTA_OK);
	ck_assert_int_eq(w.env->ops->begin(w.env, false, &old), ACTA_OK);
	ck_assert_int_eq(commit("b"), ACTA_OK);
	ck_assert_int_eq(
	    w.env->ops->get(old, ACTA_T_STATE, "k", 1, &value, &size), ACTA_OK);
	ck_assert(size == 1 && *(const char *)value == 'a');
	w.env->ops->abort(old);
	ck_assert_int_eq(w.env->ops->begin(w.env, false, &new), ACTA_OK);
	ck_assert_int_eq(
	    w.env->ops->get(new, ACTA_T_STATE, "k", 1, &value, &size), ACTA_OK);
	ck_assert(size == 1 && *(const char *)value == 'b');
	w.env->ops->abort(new);
	ck_assert_ptr_eq(acta_sim_disks_of("d:7"), w.disks);
	ck_assert_ptr_null(acta_sim_disks_of("/d:7"));
	end();
}
END_TEST

/* ------------------------------------------------------------- the map -- */

#define KEYS 200u

static void
check_map(const struct acta_omap *map, const int *model)
{
	const struct acta_omap_row *row = acta_omap_from(map, "", 0, false);
	size_t count = 0;

	for (unsigned k = 0; k < KEYS; k++) {
		char key[8];

		if (model[k] == 0)
			continue;
		snprintf(key, sizeof(key), "%03u", k);
		ck_assert_ptr_nonnull(row);
		ck_assert(
		    row->key_size == 3 && memcmp(row->bytes, key, 3) == 0);
		ck_assert(row->size == sizeof(int) &&
		    memcmp(acta_omap_value(row), &model[k], sizeof(int)) == 0);
		ck_assert_ptr_eq(acta_omap_get(map, key, 3), row);
		count++;
		row = acta_omap_from(map, row->bytes, row->key_size, true);
	}
	ck_assert_ptr_null(row);
	ck_assert_uint_eq(map->count, count);
	ck_assert_uint_eq(map->bytes, count * (3 + sizeof(int)));
}

START_TEST(a_map_is_a_map_and_its_copies_stay)
{
	struct acta_omap maps[4] = { { 0 } };
	int models[4][KEYS] = { { 0 } };
	uint64_t dice = 1;

	for (int i = 1; i <= 40000; i++) {
		unsigned m, k;
		char key[8];

		dice = acta_hash64(&dice, sizeof(dice));
		m = dice % 4;
		k = (unsigned)(dice >> 8) % KEYS;
		snprintf(key, sizeof(key), "%03u", k);
		if ((dice >> 32) % 100 == 0) { /* one is a copy of another */
			unsigned of = (unsigned)(dice >> 40) % 4;
			struct acta_omap copy = acta_omap_copy(&maps[of]);

			acta_omap_fini(&maps[m]);
			maps[m] = copy;
			memmove(models[m], models[of], sizeof(models[m]));
		} else if ((dice >> 32) % 3 == 0) {
			ck_assert(acta_omap_del(&maps[m], key, 3) ==
			    (models[m][k] != 0));
			models[m][k] = 0;
		} else {
			memcpy(acta_omap_put(&maps[m], key, 3, sizeof(i)), &i,
			    sizeof(i));
			models[m][k] = i;
		}
		if (i % 1000 == 0)
			for (m = 0; m < 4; m++)
				check_map(&maps[m], models[m]);
	}
	for (unsigned m = 0; m < 4; m++)
		acta_omap_fini(&maps[m]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim-disk");
	TCase *tc = tcase_create("sim-disk");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_kill_leaves_what_was_written_before_it);
	tcase_add_test(tc, a_power_cut_loses_or_keeps_what_was_not_durable);
	tcase_add_test(
	    tc, a_sync_or_the_next_commit_makes_a_dead_writers_commit_durable);
	tcase_add_test(
	    tc, after_a_failed_flush_the_page_cache_lies_until_a_power_cut);
	tcase_add_test(tc, who_writes_on_a_lie_has_a_broken_store);
	tcase_add_test(tc, a_root_that_failed_is_there_or_not);
	tcase_add_test(tc, no_space_is_certainly_not_committed);
	tcase_add_test(tc, a_copy_stays_and_can_be_put_back);
	tcase_add_test(tc, one_writer_at_a_time_and_readers_beside_it);
	tcase_add_test(tc, a_map_is_a_map_and_its_copies_stay);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
