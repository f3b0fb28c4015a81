/*
 * t/helper-otp.c - runs scenarios of supervision (t/otp.py) on Acta's machine,
 * in a simulated world, and prints what happens as t/otp.escript does of OTP's
 * own supervisor. Usage: helper-otp FILE
 */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/root/supervisor.h"

#define ROOM 256u
#define WORDS 16u
#define HOWS 32u
#define PENDING 64u

/* A name of the scenario: of a supervisor, a child, or an instance. */
struct thing {
	char name[24];
	uint32_t child;     /* its number now, or ACTA_SUP_NONE */
	uint32_t started;   /* attempts so far: the number of its process */
	char next[HOWS][8]; /* what its next starts are to do */
	uint32_t next_count, next_at;
	bool is_sup, once; /* once: it has had a process */
	bool deaf;
	char bye[8];
	struct acta_sup_flags flags;
	bool slow; /* its start is under way, and will fail */
};

static struct acta_sup sup;
static struct thing things[ROOM];
static uint32_t things_count;
static uint32_t owner[ROOM]; /* of each number, in things */
static int64_t now;
static int last_answer;
static uint32_t starts;
static bool begun;

/* -------------------------------------------------------------- the world -- */

static struct thing *
thing(const char *name)
{
	for (uint32_t i = 0; i < things_count; i++)
		if (strcmp(things[i].name, name) == 0)
			return &things[i];
	assert(things_count < ROOM);
	struct thing *t = &things[things_count++];

	*t = (struct thing){ .child = ACTA_SUP_NONE };
	snprintf(t->name, sizeof(t->name), "%s", name);
	return t;
}

static uint32_t
number_of(const struct thing *t)
{
	return strcmp(t->name, "s0") == 0 ? ACTA_SUP_TOP : t->child;
}

static uint32_t
free_number(void)
{
	for (uint32_t i = 0; i < ROOM; i++)
		if (!sup.children[i].used && owner[i] == ACTA_SUP_NONE)
			return i;
	abort();
}

static void
own(struct thing *t, uint32_t child)
{
	t->child = child;
	owner[child] = (uint32_t)(t - things);
}

/* The name may be another number's by now: that of one which was started while
 * this one was away. */
static void
disown(uint32_t child)
{
	struct thing *t = &things[owner[child]];

	if (t->child == child)
		t->child = ACTA_SUP_NONE;
	owner[child] = ACTA_SUP_NONE;
}

static void
end_child(uint32_t child, const char *reason)
{
	struct thing *t = &things[owner[child]];
	enum acta_sup_end end = strcmp(reason, "normal") == 0 ? ACTA_END_NORMAL
	    : strncmp(reason, "shut", 4) == 0 ? ACTA_END_SHUTDOWN
					      : ACTA_END_ABNORMAL;

	if (!sup.children[child].live)
		return;
	if (!t->slow)
		printf("exit %s %s\n", t->name, reason);
	t->deaf = t->slow = false;
	t->bye[0] = '\0';
	acta_sup_ended(&sup, child, end, now);
}

static void
spawn(uint32_t child)
{
	struct thing *t = &things[owner[child]];
	const char *how =
	    t->next_at < t->next_count ? t->next[t->next_at++] : "ok";

	if (sup.children[child].state != ACTA_SUP_STARTING)
		return;   /* called off before it began */
	t->child = child; /* of those it began with, that one again */
	t->started++;
	starts++;
	printf("start %s %s\n", t->name, how);
	t->deaf = t->slow = false;
	t->bye[0] = '\0';
	if (strcmp(how, "ok") == 0) {
		t->once = true;
		acta_sup_spawned(&sup, child, now);
		acta_sup_ready(&sup, child, now);
	} else if (strcmp(how, "ignore") == 0) {
		acta_sup_ignored(&sup, child, now);
	} else if (strcmp(how, "slow") == 0) {
		t->slow = true;
	} else {
		acta_sup_ended(&sup, child, ACTA_END_ABNORMAL, now);
	}
}

static void
asked(uint32_t child)
{
	struct thing *t = &things[owner[child]];

	if (!t->deaf)
		end_child(child, t->bye[0] ? t->bye : "shutdown");
}

static void
take_actions(void)
{
	struct acta_sup_action a;

	while (acta_sup_take(&sup, &a)) {
		switch (a.verb) {
		case ACTA_DO_SPAWN: spawn(a.child); break;
		case ACTA_DO_STOP: asked(a.child); break;
		case ACTA_DO_SIGNAL: end_child(a.child, "killed"); break;
		case ACTA_DO_ANSWER: last_answer = (int)a.arg; break;
		case ACTA_DO_FORGET:
			if (!sup.children[a.child].used)
				disown(a.child);
			break;
		case ACTA_DO_CONDEMN:
		case ACTA_DO_RESTART:
		case ACTA_DO_UP:
		case ACTA_DO_DOWN:
		case ACTA_DO_ALARM:
		case ACTA_DO_CALM:
		case ACTA_DO_ESCALATE:
		case ACTA_DO_AUTO_SHUTDOWN:
		case ACTA_DO_ALL_UP:
		case ACTA_DO_EXIT: break;
		}
	}
}

/* One start that is under way comes to its end: it fails. */
static bool
end_slow(void)
{
	for (uint32_t i = 0; i < things_count; i++) {
		struct thing *t = &things[i];

		if (!t->slow || t->child == ACTA_SUP_NONE ||
		    !sup.children[t->child].live)
			continue;
		end_child(t->child, "crash");
		take_actions();
		return true;
	}
	return false;
}

static bool
something_is_deaf(void)
{
	for (uint32_t i = 0; i < ROOM; i++)
		if (sup.children[i].live &&
		    sup.children[i].state == ACTA_SUP_STOPPING)
			return true;
	return false;
}

static void
settle(void)
{
	take_actions();
	while (end_slow() || something_is_deaf()) {
		int64_t due = acta_sup_due(&sup);

		/* Of all that is due here only deadlines of the deaf matter:
		 * let the others have beaten. */
		if (due == INT64_MAX || due > now + 60000)
			continue;
		if (due > now)
			now = due;
		for (uint32_t i = 0; i < ROOM; i++)
			acta_sup_beat(&sup, i, now);
		acta_sup_tick(&sup, now);
		take_actions();
	}
}

/* --------------------------------------------------------------- the script -- */

static uint32_t
strategy_of(const char *word)
{
	static const char *const words[] = { "one_for_one", "one_for_all",
		"rest_for_one", "simple_one_for_one" };

	for (uint32_t i = 0; i < 4; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 99;
}

static uint32_t
index_in(const char *const *words, uint32_t count, const char *word)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return count;
}

static const char *const autos[] = { "never", "any_significant",
	"all_significant" };
static const char *const restarts[] = { "permanent", "transient", "temporary" };

/* STRATEGY INTENSITY PERIOD AUTO */
static struct acta_sup_flags
flags_of(char **w)
{
	return (struct acta_sup_flags){ .strategy = strategy_of(w[0]),
		.intensity = (uint32_t)atoi(w[1]),
		.period_ms = atoll(w[2]) * 1000,
		.auto_shutdown = index_in(autos, 3, w[3]),
		.on_exceed = ACTA_EXCEED_ESCALATE };
}

/* ID TYPE RESTART SHUTDOWN SIGNIFICANT */
static struct acta_sup_spec
spec_of(char **w)
{
	struct acta_sup_spec spec = { .restart = index_in(restarts, 3, w[2]),
		.supervisor = strcmp(w[1], "sup") == 0,
		.significant = strcmp(w[4], "true") == 0,
		.shutdown_ms = strcmp(w[3], "brutal") == 0 ? 0
		    : strcmp(w[3], "infinity") == 0 ? ACTA_SHUTDOWN_INFINITY
						    : atoll(w[3]),
		.backoff_factor = 1 };

	snprintf(spec.id, sizeof(spec.id), "%.30s", w[0]);
	if (spec.supervisor)
		spec.flags = thing(w[0])->flags;
	return spec;
}

static void
dump_children(uint32_t parent)
{
	const char *texts[ROOM];
	static char room[ROOM][40];
	uint32_t count = 0, child = ACTA_SUP_NONE;
	const struct acta_sup_child *p = parent == ACTA_SUP_TOP
	    ? &sup.children[ROOM]
	    : &sup.children[parent];
	bool simple = p->spec.flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;

	while ((child = acta_sup_which_children(&sup, parent, child)) !=
	    ACTA_SUP_NONE) {
		const struct thing *t = &things[owner[child]];
		const struct acta_sup_child *c = &sup.children[child];

		if (acta_sup_is_restarting(&sup, child))
			snprintf(room[count], 40, "%s%srestarting",
			    simple ? "" : t->name, simple ? "" : ":");
		else if (!c->live)
			snprintf(room[count], 40, "%s:undefined", t->name);
		else if (t->is_sup)
			snprintf(room[count], 40, "%s:up", t->name);
		else
			snprintf(room[count], 40, "%s#%u", t->name, t->started);
		texts[count] = room[count];
		count++;
	}
	for (uint32_t i = 0; simple && i < count; i++)
		for (uint32_t j = i + 1; j < count; j++)
			if (strcmp(texts[j], texts[i]) < 0) {
				const char *text = texts[i];

				texts[i] = texts[j];
				texts[j] = text;
			}
	for (uint32_t i = 0; i < count; i++)
		printf("%s%s", i ? " " : "", texts[i]);
}

static bool
sup_lives(const struct thing *t)
{
	struct acta_sup_counts counts;
	uint32_t number = number_of(t);

	return begun && number != ACTA_SUP_NONE &&
	    acta_sup_count_children(&sup, number, &counts) == ACTA_SUP_OK;
}

static void
dump(void)
{
	for (uint32_t i = 0; i < things_count; i++) {
		if (!things[i].is_sup)
			continue;
		if (!sup_lives(&things[i])) {
			printf(" %s down\n", things[i].name);
			continue;
		}
		printf(" %s [", things[i].name);
		dump_children(number_of(&things[i]));
		printf("]\n");
	}
	printf(" .\n");
}

/* What a call came to: at once, or by the ANSWER that followed. */
static const char *
outcome(enum acta_sup_word word, bool start)
{
	if (word == ACTA_SUP_OK && last_answer >= 0)
		word = (enum acta_sup_word)last_answer;
	if (word == ACTA_SUP_UNDEFINED)
		return "ok undefined";
	if (word == ACTA_SUP_OK)
		return start ? "ok up" : "ok";
	return acta_sup_word_name(word);
}

static const char *
call_start(char **w, uint32_t count)
{
	struct thing *p = thing(w[1]), *t;
	uint32_t parent = number_of(p), child;
	enum acta_sup_word word;

	if (!sup_lives(p))
		return "noproc";
	t = thing(w[2]);
	child = free_number();
	if (p->flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE) {
		own(t, child);
		word = acta_sup_start_child(&sup, parent, child, NULL, now);
	} else {
		char *words[] = { w[2], (char *)"worker", w[3], w[4], w[5] };
		struct acta_sup_spec spec = spec_of(words);
		uint32_t old = acta_sup_find(&sup, parent, spec.id);

		assert(count >= 6);
		if (old == ACTA_SUP_NONE)
			own(t, child);
		word = acta_sup_start_child(&sup, parent, child, &spec, now);
		if (word != ACTA_SUP_OK && old == ACTA_SUP_NONE &&
		    !sup.children[child].used) {
			owner[child] = ACTA_SUP_NONE;
			t->child = ACTA_SUP_NONE;
		}
	}
	take_actions();
	while (word == ACTA_SUP_OK && last_answer < 0 && end_slow())
		;
	return outcome(word, true);
}

/* The number of that instance of that template's. */
static uint32_t
instance_of(const struct thing *p, const char *name)
{
	uint32_t child = thing(name)->child;

	return child != ACTA_SUP_NONE && sup.children[child].used &&
		sup.children[child].parent == number_of(p)
	    ? child
	    : ACTA_SUP_NONE;
}

static const char *
call_child(char **w)
{
	struct thing *p = thing(w[1]), *t = thing(w[2]);
	uint32_t parent = number_of(p), child;
	bool simple = p->flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
	bool terminate = strcmp(w[0], "terminate") == 0;
	enum acta_sup_word word;

	if (!sup_lives(p))
		return "noproc";
	if (simple && (!terminate || !t->once))
		return "simple_one_for_one"; /* by id, or of no process */
	if (simple && instance_of(p, w[2]) == ACTA_SUP_NONE)
		return t->child != ACTA_SUP_NONE && sup.children[t->child].live
		    ? "not_found" /* a stranger's, who is left alone */
		    : "ok";       /* it is dead already */
	child = simple ? t->child : acta_sup_find(&sup, parent, w[2]);
	if (child == ACTA_SUP_NONE)
		return "not_found";
	if (terminate)
		word = acta_sup_terminate_child(&sup, child, now);
	else if (strcmp(w[0], "restart") == 0)
		word = acta_sup_restart_child(&sup, child, now);
	else
		word = acta_sup_delete_child(&sup, child, now);
	take_actions();
	while (word == ACTA_SUP_OK && last_answer < 0 &&
	    sup.children[child].state == ACTA_SUP_STARTING && end_slow())
		;
	if (word == ACTA_SUP_OK && last_answer < 0 && something_is_deaf())
		settle();
	return outcome(word, strcmp(w[0], "restart") == 0);
}

static const char *
call_count(char **w)
{
	static char text[64];
	struct acta_sup_counts counts;

	if (!sup_lives(thing(w[1])))
		return "noproc";
	(void)acta_sup_count_children(&sup, number_of(thing(w[1])), &counts);
	snprintf(text, sizeof(text), "[%u,%u,%u,%u]", counts.specs,
	    counts.active, counts.supervisors, counts.workers);
	return text;
}

static const char *
call_spec(char **w)
{
	static char text[96];
	struct thing *p = thing(w[1]), *t = thing(w[2]);
	uint32_t parent = number_of(p), child;
	bool simple = p->flags.strategy == ACTA_SIMPLE_ONE_FOR_ONE;
	const struct acta_sup_spec *spec;
	char shutdown[32];

	if (!sup_lives(p))
		return "noproc";
	child =
	    simple ? instance_of(p, w[2]) : acta_sup_find(&sup, parent, w[2]);
	/* Of a dead process OTP says the template: it may have been one. */
	if (simple && child == ACTA_SUP_NONE && t->once &&
	    (t->child == ACTA_SUP_NONE || !sup.children[t->child].live))
		child = sup.children[parent == ACTA_SUP_TOP ? ROOM : parent]
			    .founders;
	if (child == ACTA_SUP_NONE)
		return "not_found";
	spec = acta_sup_spec_of(&sup, child);
	snprintf(
	    shutdown, sizeof(shutdown), "%lld", (long long)spec->shutdown_ms);
	snprintf(text, sizeof(text), "%s %s %s %s", restarts[spec->restart],
	    spec->shutdown_ms == 0      ? "brutal_kill"
		: spec->shutdown_ms < 0 ? "infinity"
					: shutdown,
	    spec->significant ? "true" : "false",
	    spec->supervisor ? "supervisor" : "worker");
	return text;
}

/* The answer, or NULL where there is none. */
static const char *
step(char **w, uint32_t count)
{
	struct thing *t = count > 1 ? thing(w[1]) : NULL;

	last_answer = -1;
	if (strcmp(w[0], "start") == 0)
		return call_start(w, count);
	if (strcmp(w[0], "restart") == 0 || strcmp(w[0], "terminate") == 0 ||
	    strcmp(w[0], "delete") == 0)
		return call_child(w);
	if (strcmp(w[0], "count") == 0)
		return call_count(w);
	if (strcmp(w[0], "childspec") == 0)
		return call_spec(w);
	if (strcmp(w[0], "which") == 0)
		return sup_lives(t) ? "which" : "noproc";
	if (strcmp(w[0], "next") == 0) {
		t->next_at = t->next_count = 0;
		for (uint32_t i = 2; i < count && i - 2 < HOWS; i++)
			snprintf(t->next[t->next_count++], 8, "%.7s", w[i]);
	} else if (strcmp(w[0], "sleep") == 0) {
		now += atoll(w[1]);
	} else if (strcmp(w[0], "stop") == 0) {
		if (begun && sup.phase < ACTA_NODE_STOPPING)
			acta_sup_shutdown(&sup, 0, now);
	} else if (t->child != ACTA_SUP_NONE && sup.children[t->child].live &&
	    !t->slow) {
		if (strcmp(w[0], "deaf") == 0)
			t->deaf = true;
		else if (strcmp(w[0], "bye") == 0)
			snprintf(t->bye, sizeof(t->bye), "%.7s", w[2]);
		else if (strcmp(w[0], "die") == 0)
			end_child(t->child,
			    strcmp(w[2], "kill") == 0 ? "killed" : w[2]);
	}
	return NULL;
}

/* ----------------------------------------------------------------- reading -- */

static char lines[4096][96];
static uint32_t lines_count;

static uint32_t
split(const char *line, char *copy, char **w)
{
	uint32_t count = 0;

	strcpy(copy, line);
	for (char *at = strtok(copy, " "); at && count < WORDS;
	     at = strtok(NULL, " "))
		w[count++] = at;
	return count;
}

static void
declare(char **w)
{
	struct thing *p = thing(w[1]), *t = thing(w[2]);
	struct acta_sup_spec spec = spec_of(w + 2);
	uint32_t child = free_number();
	enum acta_sup_word word =
	    acta_sup_declare(&sup, number_of(p), child, &spec);

	if (word == ACTA_SUP_OK)
		own(t, child);
	else
		printf("spec %s\n", acta_sup_word_name(word));
}

static uint32_t
change(uint32_t at)
{
	static struct acta_sup_founder founders[32];
	char copy[96], *w[WORDS];
	struct acta_sup_flags flags;
	struct thing *p;
	uint32_t count = 0;
	enum acta_sup_word word = ACTA_SUP_NOPROC;

	split(lines[at], copy, w);
	p = thing(w[1]);
	flags = flags_of(w + 2);
	for (at++; strcmp(lines[at], "end") != 0; at++) {
		struct thing *t;
		char inner[96], *v[WORDS];

		split(lines[at], inner, v);
		t = thing(v[2]);
		founders[count].spec = spec_of(v + 2);
		founders[count].child = t->child;
		if (t->child == ACTA_SUP_NONE) {
			founders[count].child = free_number();
			own(t, founders[count].child);
		}
		count++;
	}
	if (sup_lives(p))
		word = acta_sup_change(
		    &sup, number_of(p), &flags, founders, count, now);
	if (word == ACTA_SUP_OK)
		p->flags = flags;
	take_actions();
	for (uint32_t i = 0; word == ACTA_SUP_OK && i < count; i++)
		own(thing(founders[i].spec.id), founders[i].child);
	for (uint32_t i = 0; i < ROOM; i++)
		if (owner[i] != ACTA_SUP_NONE && !sup.children[i].used)
			disown(i);
	printf("change %s\n", acta_sup_word_name(word));
	settle();
	dump();
	return at;
}

static void
print_step(char **w, uint32_t count, const char *answer)
{
	for (uint32_t i = 0; i < count; i++)
		printf("%s ", w[i]);
	if (strcmp(answer, "which") == 0)
		dump_children(number_of(thing(w[1])));
	else
		printf("%s", answer);
	printf("\n");
}

static void
one_step(char **w, uint32_t count)
{
	uint32_t wanted = 0, before;
	bool hurry = w[0][0] == '!';
	const char *answer;

	if (hurry) {
		wanted = (uint32_t)atoi(w[0] + 1);
		w++;
		count--;
	}
	before = starts;
	answer = step(w, count);
	if (hurry) {
		take_actions();
		/* OTP answers when the start under way has failed; and is at
		 * the next before the answer is read. */
		while (starts < before + wanted && end_slow())
			;
		if (answer)
			print_step(w, count, answer);
		return;
	}
	settle();
	if (answer)
		print_step(w, count, answer);
	dump();
}

static void
scenario(uint32_t from, uint32_t to)
{
	char copy[96], *w[WORDS];

	things_count = 0;
	memset(owner, 0xff, sizeof(owner));
	now = 1000000;
	starts = 0;
	begun = false;
	for (uint32_t at = from; at < to; at++) {
		uint32_t count = split(lines[at], copy, w);

		if (strcmp(w[0], "scenario") == 0) {
			printf("%s\n", lines[at]);
		} else if (strcmp(w[0], "sup") == 0) {
			struct thing *t = thing(w[1]);

			t->is_sup = true;
			t->flags = flags_of(w + 2);
			if (strcmp(w[1], "s0") == 0 &&
			    acta_sup_init(&sup, &t->flags, ROOM, 1) != ACTA_OK)
				abort();
		} else if (strcmp(w[0], "spec") == 0 && !begun) {
			declare(w);
		} else if (strcmp(w[0], "begin") == 0) {
			begun = true;
			acta_sup_start(&sup, now);
			settle();
			printf("begin %s\n",
			    sup.phase == ACTA_NODE_RUNNING ? "ok" : "error");
			dump();
		} else if (strcmp(w[0], "change") == 0) {
			at = change(at);
		} else {
			one_step(w, count);
		}
	}
	if (begun && sup.phase < ACTA_NODE_STOPPING)
		acta_sup_shutdown(&sup, 0, now);
	settle();
	acta_sup_fini(&sup);
}

static void
flush_scenario(void)
{
	if (lines_count > 0)
		scenario(0, lines_count);
	lines_count = 0;
}

int
main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "re") : NULL;
	char line[256];

	if (!in) {
		fputs("usage: helper-otp FILE\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!line[0])
			continue;
		if (strncmp(line, "scenario", 8) == 0)
			flush_scenario();
		assert(lines_count < 4096);
		snprintf(lines[lines_count++], sizeof(lines[0]), "%.95s", line);
	}
	flush_scenario();
	fclose(in);
	return 0;
}
