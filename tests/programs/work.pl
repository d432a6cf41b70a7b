#!/usr/bin/perl
# work.pl: hashes, nested data, sorting, regular expressions, string building.
# The argument is the amount of work; the output depends on nothing else.
use strict;
use warnings;

my $n = shift;
my (%count, %index, @list);

for my $i (0 .. $n - 1) {
    my $word = "word" . ($i * 7919 % 10007);
    $count{$word}++;
    push @{ $index{ substr($word, 0, 6) } }, { n => $i, word => $word };
    push @list, $word if $i % 3;
}
print scalar(keys %count), " ", scalar(@list), "\n";

my @sorted = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print join(",", @sorted[0 .. 9]), "\n";

my $text = join("\n", map { join(" ", map { $_->{word} } @{ $index{$_} }) }
    sort keys %index);
print length($text), "\n";
my $digits = 0;
$digits += $1 while $text =~ /word(\d)\d*/g;
print "$digits\n";
(my $copy = $text) =~ s/word(\d+)/<$1>/g;
print substr($copy, 1000, 60), "\n";

my $s = "";
$s .= chr(97 + $_ % 26) x ($_ % 9) for 0 .. $n;
print length($s), " ", unpack("%32C*", $s), "\n";

delete $index{$_} for grep { /3/ } keys %index;
print scalar(keys %index), "\n";
my @matrix = map { [ map { $_ * 2 } 0 .. $_ % 40 ] } 0 .. $n / 20;
my $sum = 0;
$sum += $_ for map { @$_ } @matrix;
print "$sum\n";
