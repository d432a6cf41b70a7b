/*
 * gnuplot.h: pictures, drawn by gnuplot(1).
 */
#ifndef CLI_GNUPLOT_H
#define CLI_GNUPLOT_H

#include "cli/output.h"

#include <stdio.h>

/* Opens the file of a picture.  Without gnuplot a message tells so, and the path
 * is none any more.  0, or 125 after a message. */
int gnuplot_open(struct output *plot);
/* The command "set title" with the words of a command line. */
void gnuplot_title(char *const *argv, FILE *script);
/* Draws what the script says; a file for which that fails stays as it was.  0, or
 * 125 after a message. */
int gnuplot_draw(const char *script, struct output *plot);

#endif
