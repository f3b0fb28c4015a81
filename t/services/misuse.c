/*
 * misuse.c - one wrong call each, chosen by the arg `what`. Before and after
 * it the handler does what would be kept of a right one; and it notes, beside
 * the turn, whether the wrong call gave the default.
 */
#include <acta.h>

#include <string.h>

/* A handler may leave its message, and its table fields, alone. */
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define MIB (1024 * 1024)
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X65 X64 "x"
#define E16                                                \
	"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9" \
	"\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"

extern int misuse_runs, misuse_default;
int misuse_runs;
int misuse_default; /* 1: the wrong call returned the default */

/* A string of `size` times 'x'. */
static const char *
xs(acta_actor *self, size_t size)
{
	char *text = acta_alloc(self, size + 1);

	memset(text, 'x', size);
	text[size] = 0;
	return text;
}

static const char *
key_of(acta_actor *self, size_t size)
{
	return acta_format(self, "misuse/%s", xs(self, size));
}

/* Lists in lists, `depth` of them, around a number. */
static acta_value
nested(acta_actor *self, int depth)
{
	acta_value inner = { ACTA_INT, 0, { .i = 1 } };

	for (int i = 0; i < depth; i++) {
		acta_list *list = acta_list_new(self);

		acta_list_add(list, acta_val(NULL, inner));
		inner = acta_at(acta_map(self, acta_items("l", list)), "l");
	}
	return inner;
}

static acta_list *
longlist(acta_actor *self, int count)
{
	acta_list *list = acta_list_new(self);

	for (int i = 0; i < count; i++)
		acta_list_add(list, acta_int(NULL, 1));
	return list;
}

#define CASE(name) static bool name(acta_actor *self, const acta_msg *msg)
#define ABSENT(value) ((value).type == ACTA_ABSENT)

/* Names never declared, and values of another type. */
CASE(arg_undeclared_int)
{
	return acta_arg_int(msg, "nope") == 0;
}
CASE(arg_undeclared_num)
{
	return acta_arg_num(msg, "nope") == 0;
}
CASE(arg_undeclared_bool)
{
	return !acta_arg_bool(msg, "nope");
}
CASE(arg_undeclared_str)
{
	return *acta_arg_str(msg, "nope") == 0;
}
CASE(arg_undeclared_ref)
{
	return acta_arg_ref(msg, "nope") == NULL;
}
CASE(arg_undeclared)
{
	return ABSENT(acta_arg(msg, "nope"));
}
CASE(arg_str_as_int)
{
	return acta_arg_int(msg, "what") == 0;
}
CASE(arg_str_as_num)
{
	return acta_arg_num(msg, "what") == 0;
}
CASE(arg_str_as_bool)
{
	return !acta_arg_bool(msg, "what");
}
CASE(arg_int_as_str)
{
	return *acta_arg_str(msg, "number") == 0;
}
CASE(arg_int_as_ref)
{
	return acta_arg_ref(msg, "number") == NULL;
}
CASE(setting_undeclared)
{
	return ABSENT(acta_setting(self, "nope"));
}
CASE(row_str_as_int)
{
	acta_put(self, acta_str("row", "1"));
	return acta_get_int(self, "row", 5) == 5 ||
	    acta_get_int(self, "row", 5) == 0;
}
CASE(row_str_as_num)
{
	double d;

	acta_put(self, acta_str("row", "1"));
	d = acta_get_num(self, "row", 5);
	return d == 5 || d == 0;
}
CASE(row_int_as_bool)
{
	acta_put(self, acta_int("row", 1));
	return !acta_get_bool(self, "row", false);
}
CASE(row_int_as_str)
{
	acta_put(self, acta_int("row", 1));
	return *acta_get_str(self, "row", "") == 0;
}
CASE(row_int_as_ref)
{
	acta_put(self, acta_int("row", 1));
	return acta_get_ref(self, "row") == NULL;
}
CASE(row_nil_as_int)
{
	acta_put(self, acta_str("row", NULL));
	return acta_get_int(self, "row", 0) == 0;
}
CASE(add_to_str)
{
	acta_put(self, acta_str("row", "1"));
	return acta_add(self, "row", 1) == 0;
}
CASE(add_overflow)
{
	acta_put(self, acta_int("row", INT64_MAX));
	return acta_add(self, "row", 1) == 0;
}
CASE(add_underflow)
{
	acta_put(self, acta_int("row", INT64_MIN));
	return acta_add(self, "row", -1) == 0;
}

/* Addresses. */
CASE(to_empty)
{
	return acta_to(self, "") == NULL;
}
CASE(to_upper_case)
{
	return acta_to(self, "Stock/1") == NULL;
}
CASE(to_no_service)
{
	return acta_to(self, "/1") == NULL;
}
CASE(to_long_service)
{
	return acta_to(self, X16 X16 "x/1") == NULL;
}
CASE(to_long_key)
{
	return acta_to(self, key_of(self, 201)) == NULL;
}
CASE(to_n_bad_prefix)
{
	return acta_to_n(self, "Stock/", 1) == NULL;
}
CASE(to_n_long_key)
{
	return acta_to_n(self, key_of(self, 199), 17) == NULL;
}
CASE(send_bad_address)
{
	acta_send(self, "Stock/1", "sink", ACTA_NONE);
	return true;
}
CASE(send_nobody)
{
	acta_send(self, acta_get_ref(self, "no-such-row"), "sink", ACTA_NONE);
	return true;
}
CASE(ask_nobody)
{
	acta_ask(self, (acta_ref)NULL, "sink", "asked", ACTA_NONE);
	return true;
}

/* Types, topics, codes: [a-z][a-z0-9-]*, 64 bytes. */
CASE(send_type_spelt)
{
	acta_send(self, "misuse/sink", "Sink", ACTA_NONE);
	return true;
}
CASE(send_type_no_utf8)
{
	acta_send(self, "misuse/sink", "\xff\xfe", ACTA_NONE);
	return true;
}
CASE(send_type_cut_in_a_letter)
{ /* what is shown of it ends after 80 bytes */
	acta_send(self, "misuse/sink", "x" E16 E16 E16, ACTA_NONE);
	return true;
}
CASE(send_type_empty)
{
	acta_send(self, "misuse/sink", "", ACTA_NONE);
	return true;
}
CASE(send_type_long)
{
	acta_send(self, "misuse/sink", X65, ACTA_NONE);
	return true;
}
CASE(ask_type_spelt)
{
	acta_ask(self, "misuse/sink", "1st", "asked", ACTA_NONE);
	return true;
}
CASE(forward_type_spelt)
{
	acta_status status =
	    acta_forward(self, "misuse/sink", "a b", ACTA_NONE);

	return status != ACTA_REJECTED;
}
CASE(topic_spelt)
{
	acta_publish(self, "Topic", ACTA_NONE);
	return true;
}
CASE(topic_empty)
{
	acta_publish(self, "", ACTA_NONE);
	return true;
}
CASE(topic_long)
{
	acta_publish(self, X65, ACTA_NONE);
	return true;
}
CASE(code_spelt)
{
	return acta_reject(self, "Not found", "text") != ACTA_DONE;
}
CASE(code_long)
{
	return acta_reject(self, X65, "text") != ACTA_DONE;
}
CASE(reject_to_code_spelt)
{
	acta_reject_to(self, acta_defer(self), "Not found", "text");
	return true;
}
CASE(timer_type_spelt)
{
	acta_timer(self, "t", "No Type", acta_after(10));
	return true;
}

/* Names. */
CASE(send_field_long)
{
	acta_send(self, "misuse/sink", "sink", acta_int(X65, 1));
	return true;
}
CASE(reply_field_long)
{
	return acta_reply(self, acta_int(X65, 1)) != ACTA_REJECTED;
}
CASE(publish_field_long)
{
	acta_publish(self, "topic", acta_int(X65, 1));
	return true;
}
CASE(timer_name_long)
{
	acta_timer(self, X65, "sink", acta_after(10));
	return true;
}
CASE(put_path_long)
{
	acta_put(self, acta_int(xs(self, 256), 1));
	return true;
}
CASE(add_path_long)
{
	return acta_add(self, xs(self, 256), 1) == 0;
}

/* Sizes. */
CASE(put_value_large)
{
	acta_put(self, acta_str("row", xs(self, MIB + 1)));
	return true;
}
CASE(put_bin_absurd)
{
	acta_put(self, acta_bin("row", "", SIZE_MAX));
	return true;
}
CASE(send_message_large)
{
	acta_send(self, "misuse/sink", "sink",
	    acta_str("a", xs(self, 600 * 1024)),
	    acta_str("b", xs(self, 600 * 1024)));
	return true;
}
CASE(reply_large)
{
	return acta_reply(self, acta_str("a", xs(self, 600 * 1024)),
		   acta_str("b", xs(self, 600 * 1024))) != ACTA_REJECTED;
}
CASE(publish_large)
{
	acta_publish(self, "topic", acta_str("a", xs(self, MIB + 1)));
	return true;
}
CASE(put_deep)
{
	acta_put(self, acta_val("row", nested(self, 33)));
	return true;
}
CASE(send_deep)
{
	acta_send(self, "misuse/sink", "sink", acta_val("a", nested(self, 33)));
	return true;
}
CASE(list_long)
{
	acta_put(self, acta_items("row", longlist(self, 65537)));
	return true;
}
CASE(effects_many)
{
	for (int i = 0; i < 10001; i++)
		acta_put(self, acta_int(acta_format(self, "r/%d", i), 1));
	return true;
}
CASE(effects_many_mixed)
{
	for (int i = 0; i < 2001; i++) {
		acta_put(self, acta_int(acta_format(self, "r/%d", i), 1));
		acta_send(self, "misuse/sink", "sink", ACTA_NONE);
		acta_publish(self, "topic", ACTA_NONE);
		acta_timer(
		    self, acta_format(self, "t%d", i), "sink", acta_after(10));
		acta_delete(self, acta_format(self, "none/%d", i));
	}
	return true;
}
CASE(effects_large)
{
	for (int i = 0; i < 9; i++)
		acta_put(self,
		    acta_str(acta_format(self, "r/%d", i), xs(self, 1000000)));
	return true;
}

/* Calls out of place. */
CASE(ask_unknown_then)
{
	acta_ask(self, "misuse/sink", "sink", "no-such-handler", ACTA_NONE);
	return true;
}
CASE(ask_within_too_long)
{
	acta_ask(self, "misuse/sink", "sink", "asked",
	    acta_within(7 * 86400000LL + 1));
	return true;
}
CASE(reply_twice)
{
	acta_status first = acta_reply(self, acta_int("n", 1));
	acta_status second = acta_reply(self, acta_int("n", 2));

	return first == ACTA_DONE && second != ACTA_REJECTED;
}
CASE(reply_and_forward)
{
	acta_status first = acta_reply(self, acta_int("n", 1));

	return acta_forward(self, "misuse/sink", "sink", ACTA_NONE) !=
	    ACTA_REJECTED &&
	    first == ACTA_DONE;
}
CASE(forward_and_reply)
{
	acta_status first =
	    acta_forward(self, "misuse/sink", "sink", ACTA_NONE);

	return acta_reply(self, acta_int("n", 1)) != ACTA_REJECTED &&
	    first == ACTA_DONE;
}
CASE(put_takes_no_within)
{
	acta_put(self, acta_int("row", 1), acta_within(5));
	return true;
}
CASE(send_takes_no_after)
{
	acta_send(self, "misuse/sink", "sink", acta_after(5));
	return true;
}
CASE(send_takes_no_keep)
{
	acta_send(self, "misuse/sink", "sink", acta_keep(acta_int("n", 1)));
	return true;
}
CASE(reply_takes_no_keep)
{
	return acta_reply(self, acta_keep(acta_int("n", 1))) != ACTA_REJECTED;
}
CASE(timer_takes_no_within)
{
	acta_timer(self, "t", "sink", acta_within(5));
	return true;
}
CASE(ask_takes_no_every)
{
	acta_ask(self, "misuse/sink", "sink", "asked", acta_every(5));
	return true;
}
CASE(field_no_one_made)
{
	acta_field none;

	memset(&none, 0, sizeof none);
	acta_put(self, acta_int("row", 1), none);
	return true;
}

#define ROW(name)           \
	{                   \
#name, name \
	}
static const struct {
	const char *name;
	bool (*run)(acta_actor *self, const acta_msg *msg);
} cases[] = {
	ROW(arg_undeclared_int),
	ROW(arg_undeclared_num),
	ROW(arg_undeclared_bool),
	ROW(arg_undeclared_str),
	ROW(arg_undeclared_ref),
	ROW(arg_undeclared),
	ROW(arg_str_as_int),
	ROW(arg_str_as_num),
	ROW(arg_str_as_bool),
	ROW(arg_int_as_str),
	ROW(arg_int_as_ref),
	ROW(setting_undeclared),
	ROW(row_str_as_int),
	ROW(row_str_as_num),
	ROW(row_int_as_bool),
	ROW(row_int_as_str),
	ROW(row_int_as_ref),
	ROW(row_nil_as_int),
	ROW(add_to_str),
	ROW(add_overflow),
	ROW(add_underflow),
	ROW(to_empty),
	ROW(to_upper_case),
	ROW(to_no_service),
	ROW(to_long_service),
	ROW(to_long_key),
	ROW(to_n_bad_prefix),
	ROW(to_n_long_key),
	ROW(send_bad_address),
	ROW(send_nobody),
	ROW(ask_nobody),
	ROW(send_type_spelt),
	ROW(send_type_no_utf8),
	ROW(send_type_cut_in_a_letter),
	ROW(send_type_empty),
	ROW(send_type_long),
	ROW(ask_type_spelt),
	ROW(forward_type_spelt),
	ROW(topic_spelt),
	ROW(topic_empty),
	ROW(topic_long),
	ROW(code_spelt),
	ROW(code_long),
	ROW(reject_to_code_spelt),
	ROW(timer_type_spelt),
	ROW(send_field_long),
	ROW(reply_field_long),
	ROW(publish_field_long),
	ROW(timer_name_long),
	ROW(put_path_long),
	ROW(add_path_long),
	ROW(put_value_large),
	ROW(put_bin_absurd),
	ROW(send_message_large),
	ROW(reply_large),
	ROW(publish_large),
	ROW(put_deep),
	ROW(send_deep),
	ROW(list_long),
	ROW(effects_many),
	ROW(effects_many_mixed),
	ROW(effects_large),
	ROW(ask_unknown_then),
	ROW(ask_within_too_long),
	ROW(reply_twice),
	ROW(reply_and_forward),
	ROW(forward_and_reply),
	ROW(put_takes_no_within),
	ROW(send_takes_no_after),
	ROW(send_takes_no_keep),
	ROW(reply_takes_no_keep),
	ROW(timer_takes_no_within),
	ROW(ask_takes_no_every),
	ROW(field_no_one_made),
};
#undef ROW
#define CASES (sizeof cases / sizeof cases[0])

/* The names of the cases, for the test; NULL after the last. */
extern const char *misuse_name(size_t index);
const char *
misuse_name(size_t index)
{
	return index < CASES ? cases[index].name : NULL;
}

static acta_status
misuse(acta_actor *self, const acta_msg *msg)
{
	const char *what = acta_arg_str(msg, "what");
	const char *then = acta_arg_str(msg, "then");

	misuse_runs++;
	acta_put(self, acta_int("before", 1));
	acta_send(self, "misuse/sink", "sink", acta_int("n", 1));
	for (size_t i = 0; i < CASES; i++)
		if (strcmp(cases[i].name, what) == 0)
			misuse_default = cases[i].run(self, msg);
	acta_put(self, acta_int("after", 1));
	acta_publish(self, "misused", ACTA_NONE);
	acta_timer(self, "misused", "sink", acta_after(10));
	if (strcmp(then, "reject") == 0)
		return acta_reject(self, "never-heard", "of it");
	if (strcmp(then, "fail") == 0)
		return acta_fail(self, "not retried");
	return ACTA_DONE;
}

static acta_status
sink(acta_actor *self, const acta_msg *msg)
{
	acta_add(self, "sunk", 1);
	return ACTA_DONE;
}

static acta_status
ask_misuse(acta_actor *self, const acta_msg *msg)
{
	acta_ask(self, "misuse/asked", "misuse", "asked",
	    acta_str("what", "add_overflow"));
	return ACTA_DONE;
}

static acta_status
asked(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("outcome", acta_msg_outcome(msg)),
	    acta_str("code", acta_msg_code(msg)));
	return ACTA_DONE;
}

/* Every limit, used to the full. */
static acta_status
edges(acta_actor *self, const acta_msg *msg)
{
	acta_ref far = acta_to(self, key_of(self, 200));

	acta_send(self, far, X64, acta_int(X64, 64));
	acta_ask(
	    self, "misuse/edge", "sink", "asked", acta_within(7 * 86400000LL));
	acta_publish(self, X64, acta_int(X64, 1));
	acta_timer(self, X64, X64, acta_after(10), acta_int(X64, 64));
	acta_put(self, acta_int(xs(self, 255), 255),
	    acta_str("large", xs(self, MIB - 64)),
	    acta_val("deep", nested(self, 31)),
	    acta_items("long", longlist(self, 65536)));
	acta_send(
	    self, "misuse/edge", "sink", acta_str("s", xs(self, MIB - 256)));
	return acta_reply(self, acta_str("large", xs(self, MIB - 64)));
}

static acta_status
edge_type(acta_actor *self, const acta_msg *msg)
{
	acta_put(self, acta_int("edge", acta_arg_int(msg, X64)));
	return ACTA_DONE;
}

static acta_status
edge_effects(acta_actor *self, const acta_msg *msg)
{
	for (int i = 0; i < 10000; i++)
		acta_put(self, acta_int(acta_format(self, "r/%d", i), i));
	return ACTA_DONE;
}

static acta_status
edge_bytes(acta_actor *self, const acta_msg *msg)
{
	for (int i = 0; i < 8; i++)
		acta_put(self,
		    acta_str(acta_format(self, "b/%d", i), xs(self, 1000000)));
	return ACTA_DONE;
}

static acta_status
edge_code(acta_actor *self, const acta_msg *msg)
{
	return acta_reject(self, X64, "at the edge");
}

static const struct acta_handler handlers[] = {
	{ "misuse", misuse, .args = "what:str number:int=1 then:str=done" },
	{ "sink", sink }, { "ask-misuse", ask_misuse },
	{ "asked", asked, .flags = ACTA_PRIVATE }, { "edges", edges },
	{ "edge-effects", edge_effects }, { "edge-bytes", edge_bytes },
	{ "edge-code", edge_code }, { X64, edge_type, .args = X64 ":int=0" },
	{ 0 }
};

ACTA_SERVICE("misuse", "1.0.0", handlers, .doc = "Wrong calls.",
    .settings = "declared:int=1");
