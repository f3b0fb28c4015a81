/*
 * t/sim/actors.c - the services of the simulated node. All have the same
 * handlers, so that everyone may do everything to everyone. What a handler sees
 * that cannot be is a violation at once, also if its turn is undone later.
 *
 * "moves" counts the requests that an actor did; "got/N" that question N was
 * taken; N is the number of the event that began it, and comes once.
 */
#include "t/sim/sim.h"

#include <string.h>

#define FUND 1000 /* what every account begins with */

/* Where a message failed, and that stops its partition, nothing is begun; but for
 * what only looks. What had been begun outside of a turn ends. */
static void
stands(acta_actor *self)
{
	struct acta_place *places[SIM_PLACES_MAX];
	uint32_t count = sim_places(places);

	if (sim->set_back || sim->put_back > 0 ||
	    self->loaded->service
		->in_memory || /* it forgets with its process */
	    (self->msg->handler->handler->flags &
		(ACTA_OUTSIDE | ACTA_READS)) != 0)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (places[i]->part == self->part &&
		    (self->part->stopping ||
			sim->stands[sim_place_number(places[i])]))
			sim_broken("%s runs, and its partition has stopped",
			    acta_address(acta_self(self)));
}

/* What has expired is not begun. */
static void
in_time(acta_actor *self)
{
	int64_t deadline_ms = self->msg->m.deadline_ms;

	stands(self);
	if (deadline_ms != 0 && deadline_ms <= acta_now_ms(self))
		sim_broken(
		    "%s runs what has expired", acta_address(acta_self(self)));
}

static acta_status
moved(acta_actor *self)
{
	in_time(self);
	return acta_reply(self, acta_int("moves", acta_add(self, "moves", 1)));
}

/* A row that says that something was done: it may not be there yet. */
static void
once(acta_actor *self, const char *what, int64_t n)
{
	const char *row = acta_format(self, "%s/%lld", what, (long long)n);

	stands(self);
	/* What is in memory is done at least once. */
	if (acta_get_int(self, row, 0) != 0 &&
	    !self->loaded->service->in_memory)
		sim_broken(
		    "%s did %s twice", acta_address(acta_self(self)), row);
	acta_put(self, acta_int(row, 1));
}

/* --------------------------------------------------------------- money -- */

static acta_status
move_(acta_actor *self, const acta_msg *msg)
{
	int64_t amount = acta_arg_int(msg, "amount");
	int64_t balance = acta_get_int(self, "balance", FUND);

	if (balance < amount)
		return acta_reject(self, "poor", "%lld", (long long)balance);
	acta_put(self, acta_int("balance", balance - amount));
	acta_send(
	    self, acta_arg_ref(msg, "to"), "take", acta_int("amount", amount));
	return moved(self);
}

static acta_status
take(acta_actor *self, const acta_msg *msg)
{
	int64_t balance = acta_get_int(self, "balance", FUND);

	acta_put(
	    self, acta_int("balance", balance + acta_arg_int(msg, "amount")));
	return ACTA_DONE;
}

/* --------------------------------------------------- numbered messages -- */

static acta_status
send_numbered(acta_actor *self, const acta_msg *msg, const char *type,
    const char *row, int64_t fails)
{
	acta_ref to = acta_arg_ref(msg, "to");

	row = acta_format(self, "%s/%s", row, acta_address(to));
	for (int64_t i = acta_arg_int(msg, "count"); i > 0; i--)
		acta_send(self, to, type, acta_int("n", acta_add(self, row, 1)),
		    acta_int("fails", i == 1 ? fails : 0),
		    acta_int("event", acta_arg_int(msg, "n")));
	return moved(self);
}

static acta_status
take_numbered(acta_actor *self, const acta_msg *msg, const char *row)
{
	int64_t n = acta_arg_int(msg, "n"), last;

	row = acta_format(self, "%s/%s", row, acta_msg_from(msg));
	last = acta_get_int(self, row, 0);
	if (n != last + 1)
		sim_broken("%s: %s %lld after %lld",
		    acta_address(acta_self(self)), row, (long long)n,
		    (long long)last);
	acta_put(self, acta_int(row, n));
	return ACTA_DONE;
}

static acta_status
say(acta_actor *self, const acta_msg *msg)
{
	return send_numbered(
	    self, msg, "hear", "said", acta_arg_int(msg, "fails"));
}

/* A failed attempt is counted, and no other; the next waits its time. */
static void
check_attempt(acta_actor *self, const acta_msg *msg)
{
	struct sim_failed *f = &sim->failed[acta_arg_int(msg, "event")];
	const struct acta_part_config *c = &sim->plan->config;
	int64_t attempt = acta_msg_attempt(msg), wait_ms = c->backoff_min_ms;

	for (int64_t n = 2; n < attempt; n++)
		wait_ms *= 2;
	if (wait_ms > c->backoff_max_ms)
		wait_ms = c->backoff_max_ms;
	if (attempt > 1 + acta_arg_int(msg, "fails"))
		sim_broken("%s: attempt %lld of one that fails %lld times",
		    acta_address(acta_self(self)), (long long)attempt,
		    (long long)acta_arg_int(msg, "fails"));
	else if (attempt > 1 && !c->stop_on_failed &&
	    acta_now_ms(self) < f->at_ms[attempt - 1] + wait_ms)
		sim_broken("%s: attempt %lld comes too early",
		    acta_address(acta_self(self)), (long long)attempt);
	if (attempt < 4)
		f->at_ms[attempt] = acta_now_ms(self);
}

static acta_status
hear(acta_actor *self, const acta_msg *msg)
{
	acta_status status = take_numbered(self, msg, "heard");

	if (acta_arg_int(msg, "fails") > 0)
		check_attempt(self, msg);
	if (acta_msg_attempt(msg) > acta_arg_int(msg, "fails"))
		return status;
	sim->tally[T_RETRIED]++;
	return acta_fail(self, "not yet");
}

static acta_status
work(acta_actor *self, const acta_msg *msg)
{
	return send_numbered(self, msg, "chore", "gave", 0);
}

/* It waits, for its actor or for room in a channel: no attempt is counted. */
static bool
locked(acta_actor *self, const acta_msg *msg)
{
	if (acta_msg_attempt(msg) != 1)
		sim_broken("%s: a wait counts as attempt %d",
		    acta_address(acta_self(self)), (int)acta_msg_attempt(msg));
	if (!acta_get_bool(self, "locked", false))
		return false;
	sim->tally[T_HELD]++;
	return true;
}

static acta_status
chore(acta_actor *self, const acta_msg *msg)
{
	if (locked(self, msg))
		return acta_hold(self);
	return take_numbered(self, msg, "did");
}

static acta_status
toil(acta_actor *self, const acta_msg *msg)
{
	return locked(self, msg) ? acta_hold(self) : moved(self);
}

static acta_status
lock(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_bool("locked", true));
	acta_timer(
	    self, "unlock", "unlock", acta_after(acta_arg_int(msg, "ms")));
	return moved(self);
}

static acta_status
unlock(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_bool("locked", false));
	acta_resume(self);
	return ACTA_DONE;
}

static acta_status throw(acta_actor * self, const acta_msg *msg)
{
	return send_numbered(self, msg, "catch", "threw", 0);
}

static acta_status catch (acta_actor *self, const acta_msg *msg)
{
	acta_status status = take_numbered(self, msg, "caught");
	const char *from = acta_msg_from(msg);

	acta_send(self, acta_to(self, from), "returned",
	    acta_int(
		"n", acta_add(self, acta_format(self, "back/%s", from), 1)));
	return status;
}

static acta_status
returned(acta_actor *self, const acta_msg *msg)
{
	return take_numbered(self, msg, "got-back");
}

/* ------------------------------------------------- questions and answers -- */

static acta_status
query(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n"), how = acta_arg_int(msg, "how");

	once(self, "ask", n);
	acta_ask(self, acta_arg_ref(msg, "to"), "answer", "answered",
	    acta_int("n", n), acta_int("how", how),
	    acta_addr("to", acta_self(self)), acta_keep(acta_int("n", n)),
	    acta_keep(acta_int("how", how)),
	    acta_within(acta_arg_int(msg, "ms")));
	return moved(self);
}

/* Which outcomes can a question have that was to be answered so? In time or
 * not, it is this or nothing. */
static bool
can_end(int64_t how, const acta_msg *msg, int64_t n)
{
	const char *code = acta_msg_code(msg);

	switch (acta_msg_outcome(msg)) {
	case ACTA_ANSWERED:
		return how == HOW_NIL
		    ? acta_arg_int(msg, "n") == 0
		    : how != HOW_REFUSED && how != HOW_NEVER &&
			how != HOW_FAILED && acta_arg_int(msg, "n") == n;
	case ACTA_REFUSED: return how == HOW_REFUSED && code[0] == 'n';
	case ACTA_UNDELIVERED:
		/* What was forwarded and expired had run where it was first. */
		return how == HOW_FAILED || strcmp(code, "expired") == 0 ||
		    (how == HOW_FORWARDED && strcmp(code, "failed") == 0);
	default: return true;
	}
}

static acta_status
answered(acta_actor *self, const acta_msg *msg)
{
	acta_value kept = acta_kept(msg);
	int64_t n = acta_as_int(acta_at(kept, "n"), 0);
	int64_t how = acta_as_int(acta_at(kept, "how"), 0);
	const char *row = acta_format(self, "ask/%lld", (long long)n);

	if (acta_get_int(self, row, 0) != 1)
		sim_broken("%s: question %lld is answered twice",
		    acta_address(acta_self(self)), (long long)n);
	if (!can_end(how, msg, n))
		sim_broken("%s: question %lld, how %lld, ends with %d %s %lld",
		    acta_address(acta_self(self)), (long long)n, (long long)how,
		    (int)acta_msg_outcome(msg), acta_msg_code(msg),
		    (long long)acta_arg_int(msg, "n"));
	acta_put(self, acta_int(row, 2));
	sim->tally[T_OUT_ANSWERED + acta_msg_outcome(msg)]++;
	return ACTA_DONE;
}

static acta_status
answer(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");
	const char *token;

	if (acta_arg_int(msg, "how") == HOW_FAILED) {
		sim->tally[T_RETRIED]++;
		return acta_fail(self, "never");
	}
	if (acta_arg_int(msg, "how") == HOW_REFUSED) {
		acta_put(self, acta_int("refused", n));
		return acta_reject(self, "no", "%lld", (long long)n);
	}
	once(self, "got", n);
	sim->tally[T_MEMORY_ASKED] += self->loaded->service->in_memory;
	switch (acta_arg_int(msg, "how")) {
	case HOW_NIL: return ACTA_DONE;
	case HOW_NEVER: (void)acta_defer(self); return ACTA_DONE;
	case HOW_BY_TIMER:
		token = acta_defer(self);
		acta_timer(self, acta_format(self, "give/%lld", (long long)n),
		    "give", acta_str("token", token), acta_int("n", n),
		    acta_after(20 + n % 7 * 50));
		return ACTA_DONE;
	case HOW_BY_ANOTHER:
		token = acta_defer(self);
		acta_send(self, acta_arg_ref(msg, "to"), "give",
		    acta_str("token", token), acta_int("n", n));
		return ACTA_DONE;
	case HOW_FORWARDED:
		return acta_forward(self, acta_arg_ref(msg, "to"), "forwarded",
		    acta_int("n", n));
	default: return acta_reply(self, acta_int("n", n));
	}
}

static acta_status
forwarded(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	in_time(self);
	if (msg->m.caller.kind != ACTA_CALLER_NOBODY && msg->m.deadline_ms == 0)
		sim_broken("%s: forwarded, it waits for ever",
		    acta_address(acta_self(self)));
	once(self, "forwarded", n);
	return acta_reply(self, acta_int("n", n));
}

static acta_status
give(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	once(self, "gave-answer", n);
	acta_reply_to(self, acta_arg_str(msg, "token"), acta_int("n", n));
	if (n % 2 == 0) /* good once */
		acta_reply_to(
		    self, acta_arg_str(msg, "token"), acta_int("n", -1));
	return ACTA_DONE;
}

static acta_status
pass(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");

	if (acta_arg_int(msg, "how") > 0)
		to = acta_to(self, "nowhere/1");
	in_time(self);
	(void)acta_add(self, "moves", 1);
	return acta_forward(
	    self, to, "forwarded", acta_int("n", acta_arg_int(msg, "n")));
}

static acta_status
deny(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("denied", 1));
	acta_send(self, acta_self(self), "take", acta_int("amount", 1));
	return acta_reject(self, "no", "never");
}

/* ------------------------------------------------------ doomed messages -- */

static acta_status
doom(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");

	if (acta_arg_int(msg, "how") == DOOM_NOWHERE)
		to = acta_to(self, "nowhere/1");
	acta_send(self, to, "doomed", acta_int("n", acta_arg_int(msg, "n")),
	    acta_int("how", acta_arg_int(msg, "how")),
	    acta_int("lives", acta_arg_int(msg, "lives")));
	return moved(self);
}

/* It ends the process that runs it, or hangs until the root does: nothing it
 * does is kept, and no word leaves from here on. */
static acta_status
crash(acta_actor *self, int64_t n, bool hangs)
{
	const char *service = self->part->config.service;
	uint32_t end =
	    acta_cluster_find(&sim->cluster, service, strlen(service));
	struct acta_process *p = sim->cluster.processes[end];

	if (sim->crashes[n] < UINT8_MAX)
		sim->crashes[n]++;
	sim->tally[hangs ? T_HUNG : T_CRASH]++;
	p->ended = true;
	p->own_fault = !hangs; /* not as yet */
	sim->processes[end].hangs = hangs;
	sim->processes[end].hung_by = n;
	acta_put(self, acta_int("crashed", 1));
	return ACTA_DONE;
}

static acta_status
doomed(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	switch (acta_arg_int(msg, "how")) {
	case DOOM_FAILS:
		sim->tally[T_RETRIED]++;
		return acta_fail(self, "doomed");
	case DOOM_CRASHES:
	case DOOM_HANGS:
		if (sim->crashes[n] < acta_arg_int(msg, "lives"))
			return crash(
			    self, n, acta_arg_int(msg, "how") == DOOM_HANGS);
		once(self, "survived", n);
		return ACTA_DONE;
	default:
		acta_put(self, acta_int("x", 1));
		(void)acta_get_str(self, "x", ""); /* of another type */
		return ACTA_DONE;
	}
}

/* ----------------------------------------------------- outside the turn -- */

/* The world hears of it as often as it is run; of all else that it does, once. */
static acta_status
post(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n"), ms = acta_arg_int(msg, "ms");
	acta_ref to = acta_arg_ref(msg, "to");
	const char *row = acta_format(self, "mailed/%s", acta_address(to));

	sim->tally[T_OUTSIDE]++;
	sim->tally[T_OUTSIDE_AGAIN] += sim->posts[n]++ > 0;
	once(self, "posted", n);
	acta_publish(
	    self, "shouted", acta_int("n", acta_add(self, "shouts", 1)));
	acta_timer(self, acta_format(self, "t/%lld", (long long)n), "fire",
	    acta_int("n", n), acta_int("due", acta_now_ms(self) + ms),
	    acta_after(ms));
	once(self, "ask", n);
	acta_ask(self, to, "answer", "answered", acta_int("n", n),
	    acta_int("how", HOW_AT_ONCE), acta_addr("to", acta_self(self)),
	    acta_keep(acta_int("n", n)),
	    acta_keep(acta_int("how", HOW_AT_ONCE)), acta_within(ms + 100));
	for (int64_t i = acta_arg_int(msg, "count"); i > 0; i--)
		acta_send(self, to, "letter",
		    acta_int("n", acta_add(self, row, 1)),
		    acta_int("fails", i == 1 ? acta_arg_int(msg, "fails") : 0),
		    acta_int("lives", i == 1 ? acta_arg_int(msg, "lives") : 0),
		    acta_int("event", n));
	return moved(self);
}

static acta_status
letter(acta_actor *self, const acta_msg *msg)
{
	int64_t event = acta_arg_int(msg, "event");
	acta_status status = take_numbered(self, msg, "got-mail");

	sim->tally[T_OUTSIDE]++;
	if (sim->crashes[event] < acta_arg_int(msg, "lives"))
		return crash(self, event, false);
	if (acta_arg_int(msg, "fails") > 0)
		check_attempt(self, msg);
	if (acta_msg_attempt(msg) > acta_arg_int(msg, "fails"))
		return status;
	sim->tally[T_RETRIED]++;
	return acta_fail(self, "not yet");
}

/* ----------------------------------------------------- competing workers -- */

static acta_status
stage(acta_actor *self, const acta_msg *msg)
{
	const char *to = acta_address(acta_arg_ref(msg, "to"));

	acta_send(self,
	    acta_to(self,
		acta_format(self, "%.*s/@any", (int)strcspn(to, "/"), to)),
	    "staged", acta_int("n", acta_arg_int(msg, "n")));
	return moved(self);
}

static acta_status
staged(acta_actor *self, const acta_msg *msg)
{
	once(self, "staged", acta_arg_int(msg, "n"));
	sim->tally[T_STAGED]++;
	return ACTA_DONE;
}

/* --------------------------------------------------------------- timers -- */

static acta_status
after(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n"), ms = acta_arg_int(msg, "ms");

	once(self, "timer", n);
	acta_timer(self, acta_format(self, "t/%lld", (long long)n), "fire",
	    acta_int("n", n), acta_int("due", acta_now_ms(self) + ms),
	    acta_after(ms));
	return moved(self);
}

static acta_status
fire(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	if (acta_now_ms(self) < acta_arg_int(msg, "due"))
		sim_broken("timer %lld fires early", (long long)n);
	once(self, "fired", n);
	sim->tally[T_FIRED]++;
	return ACTA_DONE;
}

static acta_status
every(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n");

	once(self, "series", n);
	acta_timer(self, acta_format(self, "e/%lld", (long long)n), "beat",
	    acta_int("n", n), acta_int("from", acta_now_ms(self)),
	    acta_int("ms", acta_arg_int(msg, "ms")),
	    acta_int("times", acta_arg_int(msg, "times")),
	    acta_after(acta_arg_int(msg, "ms")),
	    acta_every(acta_arg_int(msg, "ms")));
	return moved(self);
}

/* It is due again at its old phase. */
static void
check_phase(acta_actor *self, const char *name, const acta_msg *msg)
{
	struct acta_store *store = self->part->store;
	char key[ACTA_STORE_KEY_MAX];
	size_t n =
	    acta_actor_row(key, self->key, self->key_size, name, strlen(name));
	struct acta_reader r;
	const void *value;
	size_t size;
	int64_t due_ms;
	bool ok = true;

	if (acta_store_get(store, ACTA_T_TIMER, key, n, &value, &size) !=
	    ACTA_OK)
		return; /* it was cancelled since */
	r = acta_reader(value, size);
	(void)acta_read_list(&r, &ok);
	due_ms = acta_read_int(&r, &ok) - acta_arg_int(msg, "from");
	if (due_ms % acta_arg_int(msg, "ms") != 0)
		sim_broken("series %s has lost its phase", name);
}

static acta_status
beat(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "n"), ms = acta_arg_int(msg, "ms");
	const char *row = acta_format(self, "beats/%lld", (long long)n);
	int64_t k = acta_get_int(self, row, 0) + 1;

	/* One that was parked before the end still comes, and no more: periods
	 * that are missed are one. */
	if (k > acta_arg_int(msg, "times")) {
		once(self, "beyond", n);
		return ACTA_DONE;
	}
	acta_put(self, acta_int(row, k));
	check_phase(self, acta_format(self, "e/%lld", (long long)n), msg);
	if (acta_now_ms(self) < acta_arg_int(msg, "from") + k * ms)
		sim_broken("series %lld beats early", (long long)n);
	if (k == acta_arg_int(msg, "times"))
		acta_timer_cancel(
		    self, acta_format(self, "e/%lld", (long long)n));
	sim->tally[T_FIRED]++;
	return ACTA_DONE;
}

/* ------------------------------------------------------- events, rows -- */

static acta_status
shout(acta_actor *self, const acta_msg *msg)
{
	acta_publish(
	    self, "shouted", acta_int("n", acta_add(self, "shouts", 1)));
	return moved(self);
}

/* From where it begins to hear an actor it hears all of it. */
static acta_status
hear_event(acta_actor *self, const acta_msg *msg, const char *how)
{
	const char *row = acta_format(self, "%s/%s", how, acta_msg_from(msg));
	int64_t n = acta_arg_int(msg, "n"), last = acta_get_int(self, row, 0);

	/* For whom there is no room it may be skipped, if he says so. */
	if ((sim->tally[T_LAPSED] > 0 ? n <= last
				      : last > 0 && n != last + 1) &&
	    !self->loaded->service->in_memory)
		sim_broken("%s: %s %lld after %lld",
		    acta_address(acta_self(self)), row, (long long)n,
		    (long long)last);
	if (last == 0)
		acta_put(self,
		    acta_int(acta_format(
				 self, "first-%s/%s", how, acta_msg_from(msg)),
			n));
	acta_put(self, acta_int(row, n));
	return ACTA_DONE;
}

static acta_status
follow(acta_actor *self, const acta_msg *msg)
{
	const char *to = acta_address(acta_arg_ref(msg, "to"));
	const char *key = strchr(to, '/');

	acta_subscribe(self,
	    acta_format(self, "%.*s.shouted", (int)(key - to), to), key + 1,
	    "followed");
	return moved(self);
}

static acta_status
followed(acta_actor *self, const acta_msg *msg)
{
	sim->tally[T_FOLLOWED]++;
	return hear_event(self, msg, "followed");
}

static acta_status
told(acta_actor *self, const acta_msg *msg)
{
	sim->tally[T_TOLD]++;
	return hear_event(self, msg, "told");
}

static int64_t
count_items(acta_actor *self)
{
	int64_t n = 0;

	for (acta_cursor c = acta_scan(self, "items/"); acta_next(&c);)
		n += acta_as_int(c.value, 0);
	return n;
}

static acta_status
items(acta_actor *self, const acta_msg *msg)
{
	int64_t n = acta_arg_int(msg, "count");

	if (count_items(self) != acta_get_int(self, "items", 0))
		sim_broken("%s has %lld items, not %lld",
		    acta_address(acta_self(self)), (long long)count_items(self),
		    (long long)acta_get_int(self, "items", 0));
	acta_delete(self, "items/");
	for (int64_t i = 0; i < n; i++)
		acta_put(self,
		    acta_int(acta_format(self, "items/%lld", (long long)i), 1));
	acta_put(self, acta_int("items", n));
	if (count_items(self) != n)
		sim_broken("%s does not see its own items",
		    acta_address(acta_self(self)));
	return moved(self);
}

static acta_status
peek(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(
	    self, acta_int("moves", acta_get_int(self, "moves", 0)));
}

static acta_status
migrate(acta_actor *self, uint32_t from)
{
	once(self, "migrated", 2);
	sim->tally[T_MIGRATED]++;
	return ACTA_DONE;
}

static const struct acta_handler handlers[] = {
	{ "move", move_, .args = "to:ref amount:int" },
	{ "take", take, .args = "amount:int", .flags = ACTA_INSIDE },
	{ "say", say, .args = "to:ref count:int fails:int=0 n:int" },
	{ "hear", hear, .args = "n:int fails:int event:int",
	    .flags = ACTA_INSIDE },
	{ "work", work, .args = "to:ref count:int n:int" },
	{ "chore", chore, .args = "n:int", .flags = ACTA_INSIDE },
	{ "throw", throw, .args = "to:ref count:int n:int" },
	{ "catch", catch, .args = "n:int", .flags = ACTA_INSIDE },
	{ "returned", returned, .args = "n:int", .flags = ACTA_INSIDE },
	{ "lock", lock, .args = "ms:int" },
	{ "unlock", unlock, .flags = ACTA_PRIVATE },
	{ "toil", toil, .args = "" },
	{ "query", query, .args = "to:ref n:int how:int ms:int" },
	{ "answer", answer, .args = "to:ref n:int how:int" },
	{ "answered", answered, .args = "n:int?", .flags = ACTA_PRIVATE },
	{ "forwarded", forwarded, .args = "n:int" },
	{ "give", give, .args = "token:str n:int", .flags = ACTA_INSIDE },
	{ "pass", pass, .args = "to:ref n:int how:int" },
	{ "deny", deny, .args = "" },
	{ "doom", doom, .args = "to:ref n:int how:int lives:int" },
	{ "doomed", doomed, .args = "n:int how:int lives:int",
	    .flags = ACTA_INSIDE },
	{ "post", post,
	    .args = "to:ref count:int fails:int lives:int n:int ms:int",
	    .flags = ACTA_OUTSIDE },
	{ "letter", letter, .args = "n:int fails:int lives:int event:int",
	    .flags = ACTA_INSIDE | ACTA_OUTSIDE },
	{ "stage", stage, .args = "to:ref n:int" },
	{ "staged", staged, .args = "n:int", .flags = ACTA_INSIDE },
	{ "after", after, .args = "n:int ms:int" },
	{ "fire", fire, .args = "n:int due:int", .flags = ACTA_PRIVATE },
	{ "every", every, .args = "n:int ms:int times:int" },
	{ "beat", beat, .args = "n:int from:int ms:int times:int",
	    .flags = ACTA_PRIVATE },
	{ "shout", shout, .args = "" },
	{ "follow", follow, .args = "to:ref" },
	{ "followed", followed, .args = "n:int", .flags = ACTA_PRIVATE },
	{ "told", told, .args = "n:int", .on = "ash.shouted",
	    .flags = ACTA_PRIVATE },
	{ "items", items, .args = "count:int" },
	{ "peek", peek, .flags = ACTA_READS },
	{ 0 },
};

/* The same, before anybody heard events. */
static struct acta_handler deaf[sizeof(handlers) / sizeof(handlers[0])];

#define SERVICE(name_, handlers_, ...)                                      \
	{                                                                   \
		.abi = ACTA_ABI, .size = sizeof(struct acta_service),       \
		.handler_size = sizeof(struct acta_handler), .name = name_, \
		.version = "1", .handlers = handlers_, __VA_ARGS__          \
	}

const struct acta_service sim_services[4][SIM_SERVICES] = {
	{ SERVICE("ash", handlers, .schema = 1),
	    SERVICE("birch", handlers, .schema = 1),
	    SERVICE("cedar", handlers, .schema = 1) },
	{ SERVICE("ash", handlers, .schema = 2, .migrate = migrate),
	    SERVICE("birch", handlers, .schema = 2, .migrate = migrate),
	    SERVICE("cedar", handlers, .schema = 2, .migrate = migrate) },
	{ SERVICE("ash", handlers, .in_memory = true),
	    SERVICE("birch", handlers, .in_memory = true),
	    SERVICE("cedar", handlers, .in_memory = true) },
	{ SERVICE("ash", deaf, .schema = 1),
	    SERVICE("birch", deaf, .schema = 1),
	    SERVICE("cedar", deaf, .schema = 1) },
};

void
sim_actors_init(void)
{
	memcpy(deaf, handlers, sizeof(deaf));
	for (size_t i = 0; i < sizeof(deaf) / sizeof(deaf[0]); i++)
		deaf[i].on = NULL;
}
