/*
 * run_words.h: the words for what a run area tells in numbers, in reports for
 * people and for programs alike.
 */
#ifndef CLI_RUN_WORDS_H
#define CLI_RUN_WORDS_H

#include "os/run_area.h"

const char *run_request_name(unsigned request); /* "mmap" */
const char *run_rule_name(unsigned rule);       /* "commit-limit" */
const char *run_rule_what(unsigned rule);       /* a sentence's end */
const char *run_time_name(unsigned time);       /* "minor_fault" */
const char *run_event_name(unsigned kind);      /* "sample" */
const char *run_end_word(unsigned end);         /* "oom-kill" */
/* Of a record: the word of its end; "running": it has not come. */
const char *run_end_name(const struct run_process *process);
/* As the end of a sentence. */
const char *run_end_what(const struct run_process *process);

/* What a machine stands for, and what not. */
extern const char run_simulated[], run_not_simulated[];

#endif
