/* runtime/root/cause.c - see cause.h. */
#include "runtime/root/cause.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *
acta_signal_name(int number, char out[16])
{
	const char *name = sigabbrev_np(number);

	if (name)
		snprintf(out, 16, "SIG%s", name);
	else
		snprintf(out, 16, "SIG%d", number & 0xffff);
	return out;
}

void
acta_cause_word(const struct acta_cause *cause, char *out, size_t size)
{
	char name[16];

	if (cause->code[0])
		snprintf(out, size, "%s", cause->code);
	else if (cause->fault != ACTA_FAULT_NONE)
		snprintf(out, size, "%s", acta_sup_fault_name(cause->fault));
	else if (cause->how == ACTA_HOW_SIGNALLED)
		snprintf(
		    out, size, "%s", acta_signal_name(cause->number, name));
	else if (cause->how == ACTA_HOW_EXITED)
		snprintf(out, size, "exit-%d", cause->number);
	else if (cause->how == ACTA_HOW_GAVE_UP)
		snprintf(out, size, "gave-up");
	else if (cause->how == ACTA_HOW_AUTO_SHUTDOWN)
		snprintf(out, size, "auto-shutdown");
	else if (cause->how == ACTA_HOW_STOPPED)
		snprintf(out, size, "stopped");
	else
		snprintf(out, size, "not-run");
}

bool
acta_cause_own_doing(const struct acta_cause *cause)
{
	switch (cause->fault) {
	case ACTA_FAULT_HANG:
	case ACTA_FAULT_BEAT:
	case ACTA_FAULT_READY: return true;
	case ACTA_FAULT_RECORD: return false;
	case ACTA_FAULT_NONE: break;
	}
	/* It says itself that it was the disk, or the port. */
	if (cause->code[0])
		return false;
	switch (cause->how) {
	case ACTA_HOW_EXITED: return cause->number != 0 || !cause->asked;
	case ACTA_HOW_SIGNALLED:
		return cause->number == SIGSEGV || cause->number == SIGBUS ||
		    cause->number == SIGILL || cause->number == SIGFPE ||
		    cause->number == SIGABRT;
	case ACTA_HOW_NOT_RUN:
	case ACTA_HOW_GAVE_UP:
	case ACTA_HOW_AUTO_SHUTDOWN:
	case ACTA_HOW_STOPPED: return false;
	}
	return false;
}

/* ---------------------------------------------------------------- prose -- */

struct prose {
	char *out;
	size_t size, used;
};

static void say(struct prose *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct prose *p, const char *format, ...)
{
	va_list args;

	if (p->used + 1 >= p->size)
		return;
	va_start(args, format);
	int length =
	    vsnprintf(p->out + p->used, p->size - p->used, format, args);

	va_end(args);
	if (length > 0)
		p->used += (size_t)length;
	if (p->used >= p->size)
		p->used = p->size - 1;
}

static void
say_span(struct prose *p, int64_t ms)
{
	if (ms < 0)
		ms = 0;
	if (ms < 1000)
		say(p, "%" PRId64 " ms", ms);
	else if (ms < 120 * 1000)
		say(p, "%" PRId64 " s", ms / 1000);
	else if (ms < 7200 * 1000)
		say(p, "%" PRId64 " min", ms / 60000);
	else if (ms < 48 * 3600 * 1000)
		say(p, "%" PRId64 " h", ms / 3600000);
	else
		say(p, "%" PRId64 " d", ms / 86400000);
}

static void
say_end(struct prose *p, const struct acta_cause *c, const struct acta_story *s)
{
	char name[16];

	switch (c->fault) {
	case ACTA_FAULT_HANG:
		say(p, "hung: its handler ran longer than ");
		say_span(p, s->turn_limit_ms);
		say(p, ", so it was ended");
		return;
	case ACTA_FAULT_BEAT:
		say(p, "gave no sign of life for ");
		say_span(p, ACTA_SUP_BEAT_MS);
		say(p, ", so it was ended");
		return;
	case ACTA_FAULT_READY:
		say(p, "was not ready within ");
		say_span(p, ACTA_SUP_READY_MS);
		say(p, ", so it was ended");
		return;
	case ACTA_FAULT_RECORD:
		say(p, "sent the root a malformed record, so it was ended");
		return;
	case ACTA_FAULT_NONE: break;
	}
	if (c->code[0]) {
		say(p, "ended itself (%s)", c->code);
	} else if (c->how == ACTA_HOW_NOT_RUN) {
		say(p, "could not be run");
	} else if (c->how == ACTA_HOW_GAVE_UP) {
		say(p, "gave up");
	} else if (c->how == ACTA_HOW_AUTO_SHUTDOWN) {
		say(p, "ended with its significant child");
	} else if (c->how == ACTA_HOW_STOPPED) {
		say(p, "was stopped on request");
	} else if (c->how == ACTA_HOW_EXITED) {
		say(p, c->asked ? "was stopped on request" : "exited");
		if (!c->asked || c->number != 0)
			say(p, " with status %d", c->number);
	} else if (c->asked && c->number == SIGKILL) {
		say(p, "was asked to stop and was killed by SIGKILL");
		if (s->shutdown_ms > 0) {
			say(p, ", since it had not ended within ");
			say_span(p, s->shutdown_ms);
			say(p, " or was hurried");
		}
	} else if (c->asked && s->exec) {
		say(p, "was stopped on request by %s",
		    acta_signal_name(c->number, name));
	} else if (acta_cause_own_doing(c)) {
		say(p, "crashed with %s", acta_signal_name(c->number, name));
	} else {
		say(p, "was killed by %s", acta_signal_name(c->number, name));
	}
}

static void
say_place(
    struct prose *p, const struct acta_cause *c, const struct acta_story *s)
{
	if (c->how == ACTA_HOW_NOT_RUN || s->exec)
		return;
	if (c->phase == ACTA_PHASE_HANDLER) {
		say(p, ", while handling %s for %s",
		    c->type[0] ? c->type : "a message",
		    c->actor[0] ? c->actor : "an actor");
	} else if (!c->was_up) {
		say(p, ", before it was ready");
	} else if (c->phase == ACTA_PHASE_COMMIT) {
		say(p, ", while committing");
	} else {
		say(p, ", between messages");
	}
}

static void
say_outcome(
    struct prose *p, const struct acta_cause *c, const struct acta_story *s)
{
	if (c->back_ms >= 0) {
		say(p, ", and was back after ");
		say_span(p, c->back_ms);
	} else if (s->state == ACTA_SUP_STARTING) {
		say(p, ", and is starting again");
	} else if (s->state == ACTA_SUP_BACKOFF) {
		say(p, ", and is to be started again in ");
		say_span(p, s->due_ms - s->now_ms);
	} else if (s->state == ACTA_SUP_FAILED) {
		say(p, ", and is held as failed");
	} else if (s->state == ACTA_SUP_STORAGE) {
		say(p, ", and is held until its storage was checked");
	} else if (s->state == ACTA_SUP_STOPPED && !c->asked) {
		say(p, ", and was not restarted");
	}
	if (c->restarted && !s->door) {
		say(p, " (restart %" PRIu32 " of %" PRIu32 " in ", c->restart,
		    s->intensity);
		say_span(p, s->period_ms);
		say(p, ")");
	}
	say(p, ".");
}

static void
say_advice(
    struct prose *p, const struct acta_cause *c, const struct acta_story *s)
{
	if (s->state == ACTA_SUP_FAILED) {
		say(p, " It had been restarted %" PRIu32 " times in ",
		    s->intensity);
		say_span(p, s->period_ms);
		say(p,
		    "; the other services go on. `acta start %s` tries it "
		    "again.",
		    s->service);
	} else if (s->state == ACTA_SUP_STORAGE) {
		say(p,
		    " Its disk may have lost what was written last: "
		    "`acta start --storage-checked %s` reads the store past "
		    "the page cache, and only then starts it.",
		    s->service);
	} else if (s->state == ACTA_SUP_STOPPED) {
		if (!c->asked && s->restart_type == ACTA_TEMPORARY)
			say(p, " Its restart type is temporary.");
		else if (!c->asked)
			say(p, " Its restart type is transient.");
		if (s->below)
			say(p, " Its group %s is not up: `acta start %s`.",
			    s->below, s->below);
		else
			say(p, " `acta start %s` starts it again.", s->service);
	}
}

static void
say_messages(
    struct prose *p, const struct acta_cause *c, const struct acta_story *s)
{
	if (s->exec || s->door || c->code[0])
		return;
	if (c->waiting == 0)
		say(p, " Nothing was waiting; nothing was lost.");
	else
		say(p, " %" PRIu64 " message%s waiting; nothing was lost.",
		    c->waiting, c->waiting == 1 ? " was" : "s were");
	if (!c->blamed)
		return;
	say(p, " That message has ended it %" PRIu32 " time%s", c->crashes,
	    c->crashes == 1 ? "" : "s");
	if (s->max_crashes > 0 && c->crashes >= s->max_crashes)
		say(p, " and is made a dead letter");
	else if (s->max_crashes > 0)
		say(p, "; at %" PRIu32 " it is made a dead letter",
		    s->max_crashes);
	say(p, ".");
}

void
acta_why_prose(const struct acta_cause *cause, const struct acta_story *story,
    char *out, size_t size)
{
	struct prose p = { out, size, 0 };

	out[0] = '\0';
	say(&p, "%s ", story->service);
	if (story->template) {
		say(&p, "is the template of %s: `acta sup add %s NAME`.",
		    story->template, story->template);
		return;
	}
	if (!cause) {
		if (story->state == ACTA_SUP_UP) {
			say(&p, "has been up for ");
			say_span(&p, story->now_ms - story->up_ms);
		} else {
			say(&p, "is %s", acta_sup_state_name(story->state));
		}
		say(&p, " and has not ended since the node started.");
		return;
	}
	say_end(&p, cause, story);
	say(&p, " ");
	say_span(&p, story->now_ms - cause->at_ms);
	say(&p, " ago");
	say_place(&p, cause, story);
	say_outcome(&p, cause, story);
	if (cause->text[0])
		say(&p,
		    cause->how == ACTA_HOW_GAVE_UP ||
			    cause->how == ACTA_HOW_AUTO_SHUTDOWN
			? " Why: %s."
			: " It said: %s.",
		    cause->text);
	say_messages(&p, cause, story);
	say_advice(&p, cause, story);
	if (cause->words[0])
		say(&p, " Last words: %s", cause->words);
}
