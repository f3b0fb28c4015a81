/*
 * transfer.c - accounts that give to one another, by every way there is: what
 * t/72-transfer.t and its neighbours judge. transfer-two.c is the same under
 * another name, so that one half of the accounts lies in another service.
 *
 * Each change of a balance is a row of the account's log, and an event; an
 * answer says which row it is, and so where in the account's story it belongs.
 */
#include <inttypes.h>

#include <acta.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef SERVICE_NAME
#define SERVICE_NAME "transfer"
#endif
#define AT_FIRST 1000000
#define WITHIN_MS (6 * 24 * 3600 * 1000LL) /* no ask of a test ends so */

/* Where a test may have the process die, in the midst of a change. */
extern void acta_test_point(const char *name) __attribute__((weak));

struct entry {
	const char *what, *id, *who;
	int64_t delta, seq; /* seq: of all gives from the one to the other */
};

/* The row that it became: 1, 2, ... */
static int64_t
change(acta_actor *self, const struct entry *e)
{
	int64_t n = acta_add(self, "n", 1);
	int64_t balance = acta_get_int(self, "balance", AT_FIRST) + e->delta;

	acta_put(self, acta_int("balance", balance));
	if (acta_test_point != NULL)
		acta_test_point("handler");
	acta_put(self,
	    acta_val(acta_format(self, "log/%08" PRId64, n),
		acta_map(self, acta_str("what", e->what), acta_str("id", e->id),
		    acta_str("who", e->who), acta_int("delta", e->delta),
		    acta_int("seq", e->seq), acta_int("balance", balance))));
	acta_publish(self, "moved", acta_int("n", n),
	    acta_int("delta", e->delta), acta_int("balance", balance));
	return n;
}

static int64_t
balance_now(acta_actor *self)
{
	return acta_get_int(self, "balance", AT_FIRST);
}

/* The number of the next give from here to there. */
static int64_t
next_to(acta_actor *self, acta_ref to)
{
	return acta_add(self, acta_format(self, "to/%s", acta_address(to)), 1);
}

static void
take(acta_actor *self, const acta_msg *msg, int64_t seq)
{
	const struct entry e = { "take", acta_arg_str(msg, "id"),
		acta_address(acta_arg_ref(msg, "to")), -acta_arg_int(msg, "n"),
		seq };

	change(self, &e);
}

static acta_status
answer(acta_actor *self)
{
	return acta_reply(self, acta_int("n", acta_get_int(self, "n", 0)),
	    acta_int("balance", balance_now(self)));
}

static void
ask(acta_actor *self, const acta_msg *msg, int64_t seq)
{
	acta_ask(self, acta_arg_ref(msg, "to"), "give", "given",
	    acta_str("id", acta_arg_str(msg, "id")),
	    acta_int("n", acta_arg_int(msg, "n")), acta_int("seq", seq),
	    acta_int("stumble", acta_arg_int(msg, "stumble_there")),
	    acta_bool("unwilling", acta_arg_bool(msg, "unwilling")),
	    acta_str("pad", acta_arg_str(msg, "pad")),
	    acta_keep(acta_str("token", acta_defer(self))),
	    acta_keep(acta_str("id", acta_arg_str(msg, "id"))),
	    acta_keep(acta_addr("to", acta_arg_ref(msg, "to"))),
	    acta_keep(acta_int("n", acta_arg_int(msg, "n"))),
	    acta_keep(acta_int("seq", seq)),
	    acta_keep(acta_int("row", acta_get_int(self, "n", 0))),
	    acta_keep(acta_int("balance", balance_now(self))),
	    acta_within(WITHIN_MS));
}

static acta_status
transfer(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");
	const char *way = acta_arg_str(msg, "way");
	int64_t n = acta_arg_int(msg, "n"), seq;

	if (acta_get_bool(self, "closed", false))
		return acta_hold(self);
	if (acta_msg_attempt(msg) <= acta_arg_int(msg, "stumble"))
		return acta_fail(self, "stumbles");
	if (balance_now(self) < n)
		return acta_reject(self, "insufficient",
		    "%" PRId64 " at %" PRId64, balance_now(self),
		    acta_get_int(self, "n", 0));
	if (way[0] == 'l') { /* later: numbered when it is sent */
		take(self, msg, 0);
		acta_timer(self,
		    acta_format(self, "later/%s", acta_arg_str(msg, "id")),
		    "later", acta_str("id", acta_arg_str(msg, "id")),
		    acta_addr("to", to), acta_int("n", n),
		    acta_after(acta_arg_int(msg, "after")));
		return answer(self);
	}
	seq = next_to(self, to);
	take(self, msg, seq);
	if (way[0] == 'a') {
		ask(self, msg, seq);
		return ACTA_DONE;
	}
	acta_send(self, to, "give", acta_str("id", acta_arg_str(msg, "id")),
	    acta_int("n", n), acta_int("seq", seq),
	    acta_int("stumble", acta_arg_int(msg, "stumble_there")),
	    acta_str("pad", acta_arg_str(msg, "pad")));
	return answer(self);
}

/* From another account: what is forwarded may expire, so nothing is done. */
static acta_status
relay(acta_actor *self, const acta_msg *msg)
{
	return acta_forward(self, acta_arg_ref(msg, "at"), "transfer",
	    acta_str("id", acta_arg_str(msg, "id")),
	    acta_addr("to", acta_arg_ref(msg, "to")),
	    acta_int("n", acta_arg_int(msg, "n")),
	    acta_str("way", acta_arg_str(msg, "way")),
	    acta_int("stumble", acta_arg_int(msg, "stumble")),
	    acta_int("stumble_there", acta_arg_int(msg, "stumble_there")),
	    acta_bool("unwilling", acta_arg_bool(msg, "unwilling")),
	    acta_int("after", acta_arg_int(msg, "after")),
	    acta_str("pad", acta_arg_str(msg, "pad")));
}

static acta_status
later(acta_actor *self, const acta_msg *msg)
{
	acta_ref to = acta_arg_ref(msg, "to");

	acta_send(self, to, "give", acta_str("id", acta_arg_str(msg, "id")),
	    acta_int("n", acta_arg_int(msg, "n")),
	    acta_int("seq", next_to(self, to)));
	return ACTA_DONE;
}

static acta_status
give(acta_actor *self, const acta_msg *msg)
{
	const struct entry e = { "give", acta_arg_str(msg, "id"),
		acta_msg_from(msg), acta_arg_int(msg, "n"),
		acta_arg_int(msg, "seq") };

	if (acta_get_bool(self, "closed", false))
		return acta_hold(self);
	if (acta_msg_attempt(msg) <= acta_arg_int(msg, "stumble"))
		return acta_fail(self, "stumbles");
	if (acta_arg_bool(msg, "unwilling"))
		return acta_reject(self, "unwilling", "no, thanks");
	change(self, &e);
	return answer(self);
}

static acta_status
given(acta_actor *self, const acta_msg *msg)
{
	acta_value kept = acta_kept(msg);
	const char *token = acta_text(self, acta_at(kept, "token"));
	struct entry e = { "back", acta_text(self, acta_at(kept, "id")),
		acta_text(self, acta_at(kept, "to")),
		acta_as_int(acta_at(kept, "n"), 0),
		acta_as_int(acta_at(kept, "seq"), 0) };

	switch (acta_msg_outcome(msg)) {
	case ACTA_ANSWERED:
		acta_reply_to(self, token, acta_val("n", acta_at(kept, "row")),
		    acta_val("balance", acta_at(kept, "balance")),
		    acta_int("there", acta_arg_int(msg, "n")),
		    acta_int("there_balance", acta_arg_int(msg, "balance")));
		return ACTA_DONE;
	case ACTA_REFUSED:
		change(self, &e);
		acta_reject_to(self, token, "unwilling",
		    "%" PRId64 " at %" PRId64, balance_now(self),
		    acta_get_int(self, "n", 0));
		return ACTA_DONE;
	case ACTA_UNDELIVERED:
	case ACTA_TIMED_OUT: break;
	}
	/* That must not happen: the judge looks for it. */
	e.what = "lost";
	e.delta = 0;
	change(self, &e);
	acta_reject_to(self, token, "lost", "%s", acta_msg_text(msg));
	return ACTA_DONE;
}

/* What comes is held until it opens again, all by itself. */
static acta_status
shut(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_bool("closed", true));
	acta_timer(
	    self, "open", "open", acta_after(acta_arg_int(msg, "after")));
	return answer(self);
}

static acta_status
open(acta_actor *self, const acta_msg *msg)
{
	acta_delete(self, "closed");
	acta_resume(self);
	return ACTA_DONE;
}

static acta_status
balance(acta_actor *self, const acta_msg *msg)
{
	return answer(self);
}

static const struct acta_handler handlers[] = {
	{ "transfer", transfer,
	    .args = "id:str to:ref n:int=1 way:str=send stumble:int=0 "
		    "stumble_there:int=0 unwilling:bool=false after:int=0 "
		    "pad:str?" },
	{ "relay", relay,
	    .args = "at:ref id:str to:ref n:int=1 way:str=send stumble:int=0 "
		    "stumble_there:int=0 unwilling:bool=false after:int=0 "
		    "pad:str?" },
	{ "give", give,
	    .args = "id:str n:int seq:int stumble:int=0 "
		    "unwilling:bool=false pad:str?",
	    .flags = ACTA_INSIDE },
	{ "given", given, .args = "n:int balance:int", .flags = ACTA_PRIVATE },
	{ "later", later, .args = "id:str to:ref n:int",
	    .flags = ACTA_PRIVATE },
	{ "close", shut, .args = "after:int" },
	{ "open", open, .flags = ACTA_PRIVATE },
	{ "balance", balance, .flags = ACTA_READS }, { 0 }
};

ACTA_SERVICE(SERVICE_NAME, "1.0.0", handlers);
