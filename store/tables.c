/* store/tables.c - the names of the maps; those below ACTA_TABLES are tables. */
#include "store/env.h"

#include <assert.h>
#include <string.h>

const char *
acta_env_map_name(unsigned map)
{
	static const char *const names[ACTA_MAPS] = {
		[ACTA_T_META] = "runtime",
		[ACTA_T_STATE] = "state",
		[ACTA_T_OUTBOX] = "outbox",
		[ACTA_T_CHANNEL] = "channel",
		[ACTA_T_PARKED] = "parked",
		[ACTA_T_ACTOR] = "actor",
		[ACTA_T_TIMER] = "timer",
		[ACTA_T_DUE] = "due",
		[ACTA_T_EVENT] = "event",
		[ACTA_T_TOPIC] = "topic",
		[ACTA_T_REPLY] = "reply",
		[ACTA_T_ASK] = "ask",
		[ACTA_T_TOKEN] = "token",
		[ACTA_T_DEAD] = "dead",
		[ACTA_MAP_JOURNAL] = "journal",
		[ACTA_MAP_STORE] = "store",
	};

	assert(map < ACTA_MAPS);
	return names[map];
}

const char *
acta_table_name(enum acta_table table)
{
	assert(table < ACTA_TABLES);
	return acta_env_map_name(table);
}

enum acta_table
acta_table_named(const char *name)
{
	unsigned i;

	for (i = 0; i < ACTA_TABLES; i++)
		if (strcmp(name, acta_env_map_name(i)) == 0)
			return i;
	return ACTA_TABLES;
}
