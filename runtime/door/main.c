/*
 * main.c - acta-door: starts, says READY, turns, stops. A child of the root
 * (runtime/ctl.h, runtime/README); argv[1] is its name.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "runtime/ctl.h"
#include "runtime/door/door.h"
#include "runtime/door/turn.h"

static void
send_ctl(const struct acta_ctl *ctl)
{
	/* Full: the root is busy and will read the next. Closed: the lifeline
	 * ends us. */
	if (acta_ctl_send(ACTA_FD_CTL, ctl) != ACTA_OK)
		return;
}

/* Say why, to the root and to the log; the exit status. */
static int
give_up(struct door *door, const char *code, const struct acta_why *why)
{
	char text[DOOR_QUOTED_MAX], hint[DOOR_QUOTED_MAX];
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_CAUSE);
	snprintf(ctl.name, sizeof ctl.name, "%s", code);
	snprintf(ctl.text, sizeof ctl.text, "%s", why->text);
	send_ctl(&ctl);
	door_log(door, "error", code, "text=%s hint=%s",
	    door_log_quote(text, why->text), door_log_quote(hint, why->hint));
	return 1;
}

static void
say_ready(const struct door *door, const char *endpoint)
{
	struct acta_ctl ctl;

	acta_ctl_init(&ctl, ACTA_CTL_ENDPOINT);
	ctl.number = door->incarnation;
	ctl.workers = ctl.partitions = 1;
	snprintf(ctl.name, sizeof ctl.name, "%s", door->name);
	snprintf(ctl.text, sizeof ctl.text, "%s", endpoint);
	send_ctl(&ctl);
	acta_ctl_init(&ctl, ACTA_CTL_READY);
	send_ctl(&ctl);
}

static bool
start(struct door *door, struct acta_why *why, const char **out_code)
{
	char endpoint[sizeof((struct acta_ctl *)0)->text];
	enum acta_err err;

	*out_code = "start-failed";
	err = door_config_read(door, ACTA_FD_CONFIG, why);
	if (err != ACTA_OK)
		return false;
	door_services_read(door);
	door->admin = door->local || door->config.admin;
	err = door_sockets_open(door, endpoint, sizeof endpoint, why);
	if (err != ACTA_OK) {
		if (err == ACTA_EBUSY)
			*out_code = "address-in-use";
		return false;
	}
	say_ready(door, endpoint);
	return true;
}

int
main(int argc, char **argv)
{
	static struct door door;
	struct acta_why why = { 0 };
	const char *code;
	int status = 1;

	if (argc != 2 || strlen(argv[1]) >= sizeof door.name) {
		fprintf(stderr, "acta-door: started by acta-root alone\n");
		return 2;
	}
	/* ^C at a terminal is the root's; a peer that is gone is an error. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	snprintf(door.name, sizeof door.name, "%s", argv[1]);
	door.local = strcmp(door.name, "@door") == 0;
	if (getrandom(&door.incarnation, sizeof door.incarnation, 0) !=
	    sizeof door.incarnation)
		return 1;
	door.clock.page = acta_clock_page_map(ACTA_FD_BOX);
	if (!door.clock.page) {
		fprintf(stderr, "acta-door: no black box on descriptor 5\n");
		return 2;
	}
	door_turn_init(&door);
	if (!start(&door, &why, &code))
		status = give_up(&door, code, &why);
	else if (!door_turn_run(&door, &why, &code))
		status = give_up(&door, code, &why);
	else
		status = 0;
	door_turn_fini(&door, status == 0);
	return status;
}
