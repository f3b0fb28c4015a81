/*
 * msgs.c - messages of every kind: sent, answered, refused, failed, held,
 * forwarded, deferred, asked for. peer.c is the same under another name.
 */
#include <acta.h>

#include <stdio.h>
#include <string.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#ifndef SERVICE_NAME
#define SERVICE_NAME "msgs"
#endif
#define RUNS_MAX 64

/* Beside the turn: which handlers ran, as "key:type,", kept or not. */
extern char msgs_trace[8192], msgs_ids[RUNS_MAX][64];
extern int msgs_runs, msgs_attempts[RUNS_MAX], counted_starts;
extern int64_t msgs_times[RUNS_MAX];
char msgs_trace[8192];
char msgs_ids[RUNS_MAX][64];
int msgs_runs;
int msgs_attempts[RUNS_MAX];
int counted_starts; /* lives of the process */
int64_t msgs_times[RUNS_MAX];

static void
trace(acta_actor *self, const acta_msg *msg)
{
	size_t size = strlen(msgs_trace);

	snprintf(msgs_trace + size, sizeof msgs_trace - size, "%s:%s,",
	    acta_key(self), acta_msg_type(msg));
}

static void
record(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	if (msgs_runs < RUNS_MAX) {
		snprintf(msgs_ids[msgs_runs], sizeof msgs_ids[0], "%s",
		    acta_msg_id(msg));
		msgs_attempts[msgs_runs] = acta_msg_attempt(msg);
		msgs_times[msgs_runs] = acta_now_ms(self);
	}
	msgs_runs++;
}

/* Appends "n," to the row `log`. */
static acta_status
note(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_put(self,
	    acta_str("log",
		acta_format(self, "%s%d,", acta_get_str(self, "log", ""),
		    (int)acta_arg_int(msg, "n"))),
	    acta_str("from", acta_msg_from(msg)),
	    acta_addr("sender", acta_msg_sender(msg)));
	return ACTA_DONE;
}

/* Sends notes 0, 1, …, in turns to an address and to a ref. */
static acta_status
burst(acta_actor *self, const acta_msg *msg)
{
	const char *to = acta_arg_str(msg, "to");
	acta_ref ref = acta_to(self, to);

	for (int64_t i = 0; i < acta_arg_int(msg, "count"); i++)
		if (i % 2 == 0)
			acta_send(self, to, "note", acta_int("n", i));
		else
			acta_send(self, ref, "note", acta_int("n", i));
	return ACTA_DONE;
}

/* Sends any type anywhere, and goes on. */
static acta_status
relay(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_send(self, acta_arg_str(msg, "to"), acta_arg_str(msg, "type"),
	    acta_val("n", acta_arg(msg, "n")));
	acta_put(self, acta_int("relayed", 1));
	return acta_reply(self, acta_int("relayed", 1));
}

/* All effects there are, and then the case. */
static void
every_effect(acta_actor *self)
{
	acta_put(self, acta_int("kept", 1));
	acta_add(self, "sum", 1);
	acta_delete(self, "log");
	acta_send(self, SERVICE_NAME "/effect", "note", acta_int("n", 1));
	acta_ask(self, SERVICE_NAME "/effect", "answer", "asked", ACTA_NONE);
	acta_publish(self, "effect", acta_int("n", 1));
	acta_timer(self, "effect", "timed", acta_after(10));
}

static acta_status
effects(acta_actor *self, const acta_msg *msg)
{
	const char *how = acta_arg_str(msg, "how");
	acta_status status = ACTA_DONE;

	record(self, msg);
	every_effect(self);
	if (strcmp(how, "reject") == 0)
		return acta_reject(self, "no", "%d left of %s", 3, "it");
	if (strcmp(how, "reject-done") == 0)
		status = acta_reject(self, "no", "overridden?");
	else if (strcmp(how, "fail-done") == 0)
		status = acta_fail(self, "overridden?");
	else if (strcmp(how, "rejected") == 0)
		return ACTA_REJECTED;
	else if (strcmp(how, "failed") == 0)
		return ACTA_FAILED;
	else if (strcmp(how, "reply-reject") == 0) {
		status = acta_reply(self, acta_int("n", 1));
		return acta_reject(self, "no", "after a reply");
	}
	every_effect(self);
	return status == ACTA_DONE ? status : ACTA_DONE;
}

static acta_status
timed(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_add(self, "timed", 1);
	acta_put(self, acta_str("timed-from", acta_msg_from(msg)));
	return ACTA_DONE;
}

/* Fails until attempt `until`. */
static acta_status
fail_until(acta_actor *self, const acta_msg *msg)
{
	record(self, msg);
	acta_add(self, "tries", 1);
	acta_send(self, SERVICE_NAME "/effect", "note", acta_int("n", 1));
	if (acta_msg_attempt(msg) < acta_arg_int(msg, "until"))
		return acta_fail(self, "attempt %d", acta_msg_attempt(msg));
	return acta_reply(self, acta_int("attempt", acta_msg_attempt(msg)),
	    acta_int("left", acta_msg_attempt(msg)),
	    acta_str("id", acta_msg_id(msg)));
}

static acta_status
nothing(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	return ACTA_DONE;
}

static acta_status
answer(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_add(self, "answered", 1);
	return acta_reply(self, acta_int("left", acta_arg_int(msg, "n") + 1),
	    acta_str("from", acta_msg_from(msg)),
	    acta_str("sender", acta_address(acta_msg_sender(msg))));
}

static acta_status
answer_none(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, ACTA_NONE);
}

/* Answers what `asked` did not declare so. */
static acta_status
answer_wrong(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_str("left", "three"));
}

static acta_status
refuse(acta_actor *self, const acta_msg *msg)
{
	return acta_reject(self, "out-of-stock", "%d left", 0);
}

static acta_status
reply_and_count(acta_actor *self, const acta_msg *msg)
{
	return acta_reply(self, acta_int("n", acta_add(self, "count", 1)),
	    acta_str("unique", acta_unique(self)));
}

static acta_status
forward(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_add(self, "forwarded", 1);
	return acta_forward(self, acta_arg_str(msg, "to"),
	    acta_arg_str(msg, "type"), acta_int("n", acta_arg_int(msg, "n")));
}

/* Forwards to a second forwarder, which forwards to the third. */
static acta_status
forward_twice(acta_actor *self, const acta_msg *msg)
{
	return acta_forward(self, acta_arg_ref(msg, "by"), "forward",
	    acta_str("to", acta_arg_str(msg, "to")), acta_str("type", "answer"),
	    acta_int("n", acta_arg_int(msg, "n")));
}

/* Keeps the token; with `ms`, answers then. */
static acta_status
defer(acta_actor *self, const acta_msg *msg)
{
	const char *token = acta_defer(self);

	trace(self, msg);
	acta_put(self, acta_str("token", token),
	    acta_int("token-size", (int64_t)strlen(token)));
	if (acta_arg_int(msg, "ms") > 0)
		acta_timer(self, "late", "finish",
		    acta_after(acta_arg_int(msg, "ms")));
	if (acta_arg(msg, "to").type != ACTA_ABSENT)
		acta_send(self, acta_arg_ref(msg, "to"), "finish",
		    acta_str("token", token));
	return ACTA_DONE;
}

/* Answers a token, by `how`, with an answer that says by whom. */
static acta_status
finish(acta_actor *self, const acta_msg *msg)
{
	const char *how = acta_arg_str(msg, "how");
	const char *token = acta_arg_str(msg, "token");

	if (!*token)
		token = acta_get_str(self, "token", "");
	acta_add(self, "finished", 1);
	if (strcmp(how, "reject") == 0) {
		acta_reject_to(self, token, "too-late", "%s", "no more");
		return ACTA_DONE;
	}
	acta_reply_to(self, token,
	    acta_str("by", acta_address(acta_self(self))), acta_int("left", 1));
	if (strcmp(how, "twice") == 0) {
		acta_reply_to(self, token, acta_str("by", "nobody"));
		acta_reject_to(self, token, "never", "heard");
	}
	return ACTA_DONE;
}

/* A gate: while it is shut, who wants to pass is held. */
static acta_status
pass(acta_actor *self, const acta_msg *msg)
{
	const char *row;

	record(self, msg);
	acta_put(self, acta_int("leak", 1));
	if (!acta_get_bool(self, "open", false)) {
		acta_send(
		    self, SERVICE_NAME "/effect", "note", acta_int("n", 1));
		return acta_hold(self);
	}
	acta_delete(self, "leak");
	row = acta_format(self, "%s%d,", acta_get_str(self, "log", ""),
	    (int)acta_arg_int(msg, "n"));
	acta_put(self, acta_str("log", row));
	return acta_reply(self, acta_int("attempt", acta_msg_attempt(msg)));
}

static acta_status
open_after(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "open", "opened", acta_after(acta_arg_int(msg, "ms")));
	return ACTA_DONE;
}

/* Timers that want to pass, as messages do; and an answer that does. */
static acta_status
pass_by_timer(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "pass-1", "pass", acta_after(10), acta_int("n", 1));
	acta_timer(self, "pass-2", "pass", acta_after(20), acta_int("n", 2));
	acta_timer(self, "note", "note", acta_after(30), acta_int("n", 0));
	return ACTA_DONE;
}

static acta_status
pass_by_ask(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, acta_arg_ref(msg, "to"), "answer", "pass", ACTA_NONE);
	acta_ask(self, acta_arg_ref(msg, "to"), "answer", "pass", ACTA_NONE);
	return ACTA_DONE;
}

/* Resumes, and then does not mean it. */
static acta_status
resume_and_reject(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_put(self, acta_bool("open", true));
	acta_resume(self);
	return acta_reject(self, "no", "not open after all");
}

static acta_status
reject_after(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "reject", "resume-and-reject",
	    acta_after(acta_arg_int(msg, "ms")));
	return ACTA_DONE;
}

static acta_status
open_by_ask(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, acta_arg_ref(msg, "to"), "defer", "opened",
	    acta_int("ms", 1000));
	return ACTA_DONE;
}

static acta_status
resume_often(acta_actor *self, const acta_msg *msg)
{
	acta_timer(self, "resume", "resumed", acta_after(100), acta_every(100));
	return ACTA_DONE;
}

static acta_status
opened(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_put(self, acta_bool("open", true));
	acta_resume(self);
	return ACTA_DONE;
}

/* Resumes, but the gate stays shut. */
static acta_status
resumed(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_add(self, "resumed", 1);
	acta_resume(self);
	return ACTA_DONE;
}

static acta_status
inner(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "inner", 1);
	return acta_reply(self, acta_int("left", 1));
}

static acta_status
to_itself(acta_actor *self, const acta_msg *msg)
{
	acta_send(self, acta_self(self), "own", ACTA_NONE);
	return ACTA_DONE;
}

static acta_status
publish(acta_actor *self, const acta_msg *msg)
{
	for (int64_t i = 0; i < acta_arg_int(msg, "n"); i++)
		acta_publish(
		    self, "said", acta_int("i", i), acta_str("what", "x"));
	return ACTA_DONE;
}

static acta_status
ask(acta_actor *self, const acta_msg *msg)
{
	int64_t within = acta_arg_int(msg, "within");

	acta_put(self, acta_int("asked-at", acta_now_ms(self)));
	acta_ask(self, acta_arg_str(msg, "to"), acta_arg_str(msg, "type"),
	    "asked", acta_val("n", acta_arg(msg, "n")),
	    acta_val("to", acta_arg(msg, "next")),
	    acta_val("type", acta_arg(msg, "next-type")),
	    acta_val("until", acta_arg(msg, "until")),
	    acta_val("ms", acta_arg(msg, "ms")),
	    within ? acta_within(within) : ACTA_NONE,
	    acta_keep(acta_str("tag", "mine")), acta_keep(acta_int("n", 9)),
	    acta_keep(acta_addr("self", acta_self(self))));
	return ACTA_DONE;
}

static acta_status
asked(acta_actor *self, const acta_msg *msg)
{
	trace(self, msg);
	acta_add(self, "answers", 1);
	acta_put(self, acta_int("outcome", acta_msg_outcome(msg)),
	    acta_str("code", acta_msg_code(msg)),
	    acta_str("text", acta_msg_text(msg)),
	    acta_int("left", acta_arg_int(msg, "left")),
	    acta_str("note", acta_arg_str(msg, "note")),
	    acta_bool("absent", acta_arg(msg, "left").type == ACTA_ABSENT),
	    acta_str("answer-from", acta_msg_from(msg)),
	    acta_addr("answer-sender", acta_msg_sender(msg)),
	    acta_val("tag", acta_at(acta_kept(msg), "tag")),
	    acta_val("kept-n", acta_at(acta_kept(msg), "n")),
	    acta_val("kept-self", acta_at(acta_kept(msg), "self")),
	    acta_int("kept-size", acta_kept(msg).size),
	    acta_int(
		"took", acta_now_ms(self) - acta_get_int(self, "asked-at", 0)));
	return ACTA_DONE;
}

static acta_status
ask_many(acta_actor *self, const acta_msg *msg)
{
	for (int64_t i = 0; i < acta_arg_int(msg, "count"); i++)
		acta_ask(self, acta_to_n(self, acta_arg_str(msg, "prefix"), i),
		    "answer", "one-of-many", acta_int("n", i),
		    acta_keep(acta_int("i", i)));
	acta_put(self, acta_str("caller", acta_defer(self)),
	    acta_int("waiting", acta_arg_int(msg, "count")));
	return ACTA_DONE;
}

static acta_status
one_of_many(acta_actor *self, const acta_msg *msg)
{
	int64_t i = acta_as_int(acta_at(acta_kept(msg), "i"), -1);

	if (acta_arg_int(msg, "left") == i + 1)
		acta_add(self, "right", 1);
	if (acta_add(self, "waiting", -1) == 0)
		acta_reply_to(self, acta_get_str(self, "caller", ""),
		    acta_int("right", acta_get_int(self, "right", 0)));
	return ACTA_DONE;
}

static acta_status
begin(acta_actor *self, void **out_shared)
{
	counted_starts++;
	return ACTA_DONE;
}

/* clang-format off */
static const struct acta_handler handlers[] = {
	{ "note", note, .args = "n:int" },
	{ "burst", burst, .args = "to:str count:int" },
	{ "relay", relay, .args = "to:str type:str n:any?" },
	{ "effects", effects, .args = "how:str=done" },
	{ "timed", timed, .flags = ACTA_PRIVATE },
	{ "fail-until", fail_until, .args = "until:int=1000" },
	{ "nothing", nothing },
	{ "answer", answer, .args = "n:int=0" },
	{ "answer-none", answer_none },
	{ "answer-wrong", answer_wrong },
	{ "refuse", refuse },
	{ "reply-and-count", reply_and_count },
	{ "forward", forward, .args = "to:str type:str n:int=0" },
	{ "forward-twice", forward_twice, .args = "by:ref to:str n:int=0" },
	{ "defer", defer, .args = "ms:int=0 to:ref?" },
	{ "finish", finish, .args = "how:str=once token:str?" },
	{ "pass", pass, .args = "n:int=0" },
	{ "open-after", open_after, .args = "ms:int" },
	{ "pass-by-timer", pass_by_timer },
	{ "pass-by-ask", pass_by_ask, .args = "to:ref" },
	{ "resume-and-reject", resume_and_reject },
	{ "reject-after", reject_after, .args = "ms:int" },
	{ "open-by-ask", open_by_ask, .args = "to:ref" },
	{ "resume-often", resume_often },
	{ "opened", opened, .flags = ACTA_PRIVATE },
	{ "resumed", resumed, .flags = ACTA_PRIVATE },
	{ "inner", inner, .flags = ACTA_INSIDE },
	{ "own", inner, .flags = ACTA_PRIVATE },
	{ "to-itself", to_itself },
	{ "publish", publish, .args = "n:int" },
	{ "ask", ask,
	    .args = "to:str type:str within:int? n:any? next:str? "
	            "next-type:str? until:int? ms:int?" },
	{ "asked", asked, .args = "left:int note:str?", .flags = ACTA_PRIVATE },
	{ "ask-many", ask_many, .args = "prefix:str count:int" },
	{ "one-of-many", one_of_many, .args = "left:int",
	    .flags = ACTA_PRIVATE },
	{ 0 }
};
/* clang-format on */

ACTA_SERVICE(SERVICE_NAME, "1.0.0", handlers, .doc = "Messages of all kinds.",
    .start = begin);
