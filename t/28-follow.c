/* t/28-follow.c - whoever follows the journal finds every record from its place
 * on, whatever is merged, killed and cut off meanwhile, until it lapses; and
 * then it is told. */
#include "store/env_sim.h"
#include "store/internal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define CELLS 100
#define KEEP (1u << 20)

static struct {
	struct acta_sim_disks *disks;
	struct acta_sim_disk *disk;
	struct acta_store *store;
	long until; /* steps to the fault; < 0: never */
	enum acta_sim_fate fate;
	uint64_t dice;
} w;

static uint32_t
roll(uint32_t sides)
{
	w.dice = w.dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((w.dice >> 33) % sides);
}

static enum acta_sim_fate
on_step(void *self, struct acta_sim_disk *disk, enum acta_sim_step step)
{
	if (w.until < 0 || w.until-- > 0)
		return ACTA_SIM_GO;
	return w.fate;
}

static enum acta_err
open_store(void)
{
	struct acta_store_options options = {
		.service = "s", .parts = 1, .journal_keep = KEEP, .seed = 1
	};
	struct acta_env_options env_options = { .map_size = 1u << 30 };
	struct acta_env *env;
	enum acta_err err = acta_sim_env_open(w.disk, &env_options, &env, NULL);

	if (err != ACTA_OK)
		return err;
	err = env->ops->sync(env);
	if (err == ACTA_OK)
		return acta_store_open_env(env, &options, &w.store, NULL);
	env->ops->close(env);
	return err;
}

static void
begin(void)
{
	static const struct acta_sim_hooks hooks = { .step = on_step };

	memset(&w, 0, sizeof(w));
	w.until = -1;
	w.disks = acta_sim_disks_new("d:", &hooks);
	w.disk = acta_sim_disk_at(w.disks, "d:0");
	ck_assert_int_eq(open_store(), ACTA_OK);
}

static void
end(void)
{
	acta_store_close(&w.store);
	acta_sim_disks_free(&w.disks);
}

static void
reopen(void)
{
	acta_store_close(&w.store);
	ck_assert_int_eq(open_store(), ACTA_OK);
}

/* What turn n writes is known from n alone. */
static void
writes(uint64_t turn, size_t size)
{
	static uint8_t value[1u << 20];
	char key[16];

	memset(value, (int)(turn % 251), size);
	acta_store_put(w.store, ACTA_T_STATE, key,
	    (size_t)snprintf(
		key, sizeof(key), "k%02u", (unsigned)(turn % CELLS)),
	    value, size);
	acta_store_delete(w.store, ACTA_T_DEAD, "gone", 4);
	acta_store_note(w.store, &(uint8_t){ (uint8_t)(turn % 100) }, 1);
}

static void
turns(int count, size_t size)
{
	while (count-- > 0) {
		uint64_t turn = acta_store_turn(w.store) + 1;

		writes(turn, size);
		ck_assert_int_eq(
		    acta_store_commit(w.store, (int64_t)turn, false), ACTA_OK);
	}
}

static void
settle(void)
{
	bool more = true;

	while (more)
		ck_assert_int_eq(acta_store_idle(w.store,
				     acta_store_last_ms(w.store) + 2000, &more),
		    ACTA_OK);
}

static uint64_t
follow(const char *name)
{
	uint64_t next = 0;

	ck_assert_int_eq(acta_store_follow(w.store, name, 0, &next), ACTA_OK);
	return next;
}

static const struct acta_follower *
follower(const char *name)
{
	const struct acta_follower *f;
	uint32_t i;

	for (i = 0; (f = acta_store_follower(w.store, i)) != NULL; i++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static struct acta_store_info
info(void)
{
	struct acta_store_info out;

	acta_store_info(w.store, &out);
	return out;
}

static void
check_record(uint64_t turn)
{
	struct acta_store_record record;
	struct acta_change change;
	char key[16];
	size_t at = 0;

	ck_assert_int_eq(acta_store_record(w.store, turn, &record), ACTA_OK);
	ck_assert_uint_eq(record.turn, turn);
	ck_assert_int_eq(record.now_ms, (int64_t)turn);
	ck_assert_mem_eq(record.data, "AcJ", 3);
	ck_assert_uint_eq(record.notes_size, 1);
	ck_assert_uint_eq(*(const uint8_t *)record.notes, turn % 100);
	ck_assert(acta_store_record_next(&record, &at, &change));
	ck_assert_int_eq(change.kind, ACTA_CHANGE_PUT);
	ck_assert_int_eq(change.table, ACTA_T_STATE);
	snprintf(key, sizeof(key), "k%02u", (unsigned)(turn % CELLS));
	ck_assert_uint_eq(change.key_size, strlen(key));
	ck_assert_mem_eq(change.key, key, change.key_size);
	ck_assert_uint_gt(change.size, 0);
	ck_assert_uint_eq(*(const uint8_t *)change.value, turn % 251);
	ck_assert(acta_store_record_next(&record, &at, &change));
	ck_assert_int_eq(change.kind, ACTA_CHANGE_DELETE);
	ck_assert_int_eq(change.table, ACTA_T_DEAD);
	ck_assert_uint_eq(change.size, 0);
	ck_assert(!acta_store_record_next(&record, &at, &change));
}

/* All from there on are there, and the one after the last is not. */
static void
check_records(uint64_t from)
{
	struct acta_store_record record;
	uint64_t turn, last = acta_store_turn(w.store);

	for (turn = from; turn <= last; turn++)
		check_record(turn);
	ck_assert_int_eq(
	    acta_store_record(w.store, last + 1, &record), ACTA_ENOENT);
	ck_assert_int_eq(acta_store_record(w.store, 0, &record), ACTA_ENOENT);
}

START_TEST(it_holds_the_journal_back_at_its_place)
{
	struct acta_store_record record;

	turns(10, 100);
	ck_assert_uint_eq(follow("a"), 11);
	turns(500, 100);
	ck_assert_uint_eq(follow("b"), 511);
	settle();
	ck_assert_uint_eq(info().replay_from, 511);
	ck_assert_uint_eq(info().keep_from, 11);
	check_records(11);
	ck_assert_int_eq(acta_store_record(w.store, 10, &record), ACTA_ELAPSED);
	turns(500, 100);
	settle();
	check_records(11);
	/* It goes on, and what it has may go. */
	ck_assert_int_eq(acta_store_followed(w.store, "a", 700), ACTA_OK);
	settle();
	ck_assert_uint_eq(info().keep_from, 511);
	ck_assert_uint_eq(info().journal_first, 511);
	check_records(511);
	ck_assert_int_eq(
	    acta_store_record(w.store, 510, &record), ACTA_ELAPSED);
	/* Backward it does not go, nor beyond what there is. */
	ck_assert_int_eq(acta_store_followed(w.store, "a", 5), ACTA_OK);
	ck_assert_uint_eq(follower("a")->next, 701);
	ck_assert_int_eq(acta_store_followed(w.store, "a", 1011), ACTA_EINVAL);
	ck_assert_int_eq(acta_store_followed(w.store, "b", 1010), ACTA_OK);
	ck_assert_int_eq(acta_store_followed(w.store, "a", 1010), ACTA_OK);
	settle();
	ck_assert_uint_eq(info().keep_from, 1011);
	check_records(1010); /* the last is always there */
}
END_TEST

START_TEST(under_load_places_go_with_turns)
{
	int i;

	follow("a");
	for (i = 0; i < 20000; i++) {
		turns(1, 10);
		ck_assert_int_eq(
		    acta_store_followed(w.store, "a", acta_store_turn(w.store)),
		    ACTA_OK);
	}
	/* Never idle; what nobody needs is gone all the same. */
	ck_assert_uint_gt(info().replay_from, 4096);
	ck_assert_uint_ge(
	    info().keep_from, info().replay_from - ACTA_STORE_FOLLOW_TURNS);
	ck_assert_uint_gt(info().journal_first + 4096, info().keep_from);
	check_records(info().keep_from);
}
END_TEST

START_TEST(it_is_known_after_a_restart)
{
	turns(10, 100);
	follow("a");
	follow("z/y.0-1");
	turns(10, 100);
	ck_assert_int_eq(acta_store_followed(w.store, "a", 15), ACTA_OK);
	settle();
	reopen();
	ck_assert_uint_eq(follow("a"), 16);
	ck_assert_uint_eq(follow("z/y.0-1"), 11);
	ck_assert_ptr_null(acta_store_follower(w.store, 2));
	check_records(11);
	ck_assert_int_eq(acta_store_unfollow(w.store, "z/y.0-1"), ACTA_OK);
	ck_assert_int_eq(acta_store_unfollow(w.store, "z/y.0-1"), ACTA_ENOENT);
	ck_assert_int_eq(
	    acta_store_followed(w.store, "z/y.0-1", 3), ACTA_ENOENT);
	reopen();
	ck_assert_ptr_null(acta_store_follower(w.store, 1));
	ck_assert_str_eq(acta_store_follower(w.store, 0)->name, "a");
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	char name[ACTA_STORE_FOLLOWER_NAME_MAX + 2] = "";
	uint64_t next = 7;
	unsigned i;

	turns(10, 100);
	ck_assert_int_eq(acta_store_follow(w.store, "", 0, &next), ACTA_EINVAL);
	ck_assert_int_eq(
	    acta_store_follow(w.store, "A", 0, &next), ACTA_EINVAL);
	memset(name, 'n', sizeof(name) - 1);
	ck_assert_int_eq(
	    acta_store_follow(w.store, name, 0, &next), ACTA_EINVAL);
	name[ACTA_STORE_FOLLOWER_NAME_MAX] = '\0';
	ck_assert_int_eq(
	    acta_store_follow(w.store, name, 12, &next), ACTA_EINVAL);
	ck_assert_uint_eq(next, 7);
	ck_assert_int_eq(acta_store_follow(w.store, name, 11, &next), ACTA_OK);
	ck_assert_uint_eq(next, 11);
	/* From before, as long as it is kept. */
	ck_assert_int_eq(
	    acta_store_follow(w.store, "from-3", 3, &next), ACTA_OK);
	ck_assert_uint_eq(next, 3);
	settle();
	check_records(3);
	ck_assert_int_eq(
	    acta_store_follow(w.store, "from-2", 2, &next), ACTA_ELAPSED);
	for (i = 2; i < ACTA_STORE_FOLLOWERS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		follow(name);
	}
	ck_assert_int_eq(
	    acta_store_follow(w.store, "one-more", 0, &next), ACTA_ELIMIT);
	ck_assert_int_eq(acta_store_unfollow(w.store, "n5"), ACTA_OK);
	follow("one-more");
	reopen();
	ck_assert_ptr_nonnull(
	    acta_store_follower(w.store, ACTA_STORE_FOLLOWERS_MAX - 1));
}
END_TEST

START_TEST(who_is_too_far_behind_lapses_and_is_told)
{
	uint64_t next, bytes_max = 0;
	int i;

	turns(3, 100);
	follow("slow");
	follow("quick");
	for (i = 0; i < 400; i++) {
		turns(1, 60000);
		ck_assert_int_eq(acta_store_followed(w.store, "quick",
				     acta_store_turn(w.store)),
		    ACTA_OK);
		if (i % 10 == 9)
			settle();
		if (follower("slow")->lapsed)
			break;
		if (info().journal_bytes > bytes_max)
			bytes_max = info().journal_bytes;
		check_record(4);
	}
	ck_assert(follower("slow")->lapsed);
	ck_assert_uint_gt(bytes_max, KEEP / 2);
	ck_assert(!follower("quick")->lapsed);
	ck_assert_int_eq(acta_store_followed(w.store, "slow", 4), ACTA_ELAPSED);
	settle();
	ck_assert_uint_lt(info().journal_bytes, 200000);
	reopen();
	ck_assert_int_eq(
	    acta_store_follow(w.store, "slow", 0, &next), ACTA_ELAPSED);
	/* With a copy of the store it begins anew. */
	ck_assert_int_eq(acta_store_unfollow(w.store, "slow"), ACTA_OK);
	ck_assert_uint_eq(follow("slow"), acta_store_turn(w.store) + 1);
	ck_assert_int_eq(
	    acta_store_followed(w.store, "quick", acta_store_turn(w.store)),
	    ACTA_OK);
}
END_TEST

START_TEST(one_lapses_and_the_next_has_room)
{
	int i;

	follow("slow");
	turns(8, 60000);
	follow("middle");
	turns(8, 60000);
	settle();
	ck_assert(!follower("slow")->lapsed);
	for (i = 0; i < 30 && !follower("slow")->lapsed; i++) {
		turns(1, 60000);
		settle();
	}
	ck_assert(follower("slow")->lapsed);
	ck_assert(!follower("middle")->lapsed);
	check_records(9);
}
END_TEST

START_TEST(a_store_in_memory_has_none)
{
	struct acta_store_options options = {
		.service = "s", .parts = 1, .in_memory = true
	};
	struct acta_store_record record;
	struct acta_store *store;
	uint64_t next;

	ck_assert_int_eq(
	    acta_store_open("nowhere", &options, &store, NULL), ACTA_OK);
	ck_assert_int_eq(acta_store_follow(store, "a", 0, &next), ACTA_EINVAL);
	ck_assert_int_eq(acta_store_record(store, 1, &record), ACTA_ENOENT);
	acta_store_close(&store);
}
END_TEST

/* ---------------------------------------------------------- with faults -- */

struct told {                /* what a follower knows itself */
	bool there, perhaps; /* it is; or that is not known */
	uint64_t has;        /* it needs has + 1 */
};

/* Of what was not answered either may be. */
static void
check_told(struct told *told, const char *name)
{
	const struct acta_follower *f = follower(name);

	if (!told->perhaps)
		ck_assert_int_eq(f != NULL, told->there);
	told->perhaps = false;
	told->there = f != NULL;
	if (f == NULL || f->lapsed)
		return;
	if (told->has == 0)
		told->has = f->next - 1;
	ck_assert_uint_le(f->next, told->has + 1);
	ck_assert_uint_ge(f->next, info().keep_from);
	check_records(f->next);
	ck_assert_int_eq(
	    acta_store_followed(w.store, name, told->has), ACTA_OK);
}

static enum acta_err
do_something(struct told *told, const char *name)
{
	uint64_t turn = acta_store_turn(w.store), next;
	enum acta_err err;
	bool more;

	switch (roll(8)) {
	case 0:
		err = acta_store_follow(w.store, name, 0, &next);
		if (err == ACTA_OK && !told->there)
			*told = (struct told){ .there = true, .has = next - 1 };
		else if (err == ACTA_EUNSURE && !told->there)
			*told = (struct told){ .perhaps = true };
		return err == ACTA_ELAPSED ? ACTA_OK : err;
	case 1:
		if (roll(4) != 0)
			return ACTA_OK;
		err = acta_store_unfollow(w.store, name);
		if (err == ACTA_OK)
			*told = (struct told){ .there = false };
		else if (err == ACTA_EUNSURE)
			told->perhaps = true;
		return err == ACTA_ENOENT ? ACTA_OK : err;
	case 2:
	case 3:
		err = ACTA_OK;
		/* One of them is slow. */
		if (told->there && turn > told->has &&
		    (name[0] != 'c' || roll(100) == 0))
			err = acta_store_followed(w.store, name,
			    told->has +=
			    1 + roll((uint32_t)(turn - told->has)));
		return err == ACTA_ELAPSED ? ACTA_OK : err;
	case 4:
		return acta_store_idle(
		    w.store, acta_store_last_ms(w.store) + 2000, &more);
	default:
		writes(turn + 1, roll(9) ? 1 + roll(3000) : 1 + roll(100000));
		err = acta_store_commit(w.store, (int64_t)turn + 1, false);
		if (err == ACTA_EFULL)
			acta_store_abort(w.store);
		return err == ACTA_EFULL ? ACTA_OK : err;
	}
}

/* Ends the process at any step, or cuts the power there; or there is no space
 * for a while. */
START_TEST(killed_at_any_step_it_needs_no_record_that_is_gone)
{
	static const char *const names[] = { "a", "b", "c" };
	struct told told[3] = { 0 };
	int round, lapsed = 0;

	w.dice = (uint64_t)_i * 1000 + 7;
	for (round = 0; round < 300; round++) {
		int i, count = 1 + (int)roll(120);
		enum acta_err err = ACTA_OK;

		w.until = roll(3) == 0 ? (long)roll(300) : -1;
		w.fate = roll(5) == 0 ? ACTA_SIM_FULL : ACTA_SIM_KILL;
		for (i = 0; i < count && err == ACTA_OK; i++) {
			uint32_t who = roll(3);

			err = do_something(&told[who], names[who]);
			if (err == ACTA_EFULL)
				err = ACTA_OK;
		}
		w.until = -1;
		acta_store_close(&w.store);
		if (err != ACTA_OK && roll(2) == 0)
			acta_sim_disk_power(w.disk, roll(2) == 0);
		ck_assert_int_eq(open_store(), ACTA_OK);
		for (i = 0; i < 3; i++) {
			check_told(&told[i], names[i]);
			lapsed += told[i].there && follower(names[i])->lapsed;
		}
	}
	ck_assert_int_gt(lapsed, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("follow");
	TCase *tc = tcase_create("follow");
	SRunner *runner = srunner_create(suite);

	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, it_holds_the_journal_back_at_its_place);
	tcase_add_test(tc, under_load_places_go_with_turns);
	tcase_add_test(tc, it_is_known_after_a_restart);
	tcase_add_test(tc, what_cannot_be_is_refused);
	tcase_add_test(tc, who_is_too_far_behind_lapses_and_is_told);
	tcase_add_test(tc, one_lapses_and_the_next_has_room);
	tcase_add_test(tc, a_store_in_memory_has_none);
	tcase_add_loop_test(
	    tc, killed_at_any_step_it_needs_no_record_that_is_gone, 0, 4);
	suite_add_tcase(suite, tc);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	srunner_free(runner);
	return EXIT_SUCCESS; /* prove reads the TAP, not the status */
}
