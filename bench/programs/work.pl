# Hashes, arrays, strings and regular expressions.
# Usage: work.pl SCALE (1.0 is about a second).
use strict;
use warnings;

my $scale = $ARGV[0];
my $state = 12345;

sub next_number {
    $state = ($state * 1103515245 + 12345) & 0x7fffffff;
    return $state >> 8;
}

sub build_index {
    my ($count) = @_;
    my %index;
    for my $i (1 .. $count) {
        my $key = sprintf("k%x", next_number() % 50000);
        push @{ $index{$key} }, "value-$i-" . ("x" x (next_number() % 60));
    }
    return \%index;
}

sub text_work {
    my ($count) = @_;
    my $text = join " ", map { "word" . (next_number() % 5000) } 1 .. $count;
    my %seen;
    $seen{$1}++ while $text =~ /(word\d+)/g;
    $text =~ s/word(\d+)/<$1>/g;
    my @fields = split / /, $text;
    return scalar(@fields) + scalar(keys %seen);
}

my $index = build_index(int(150000 * $scale));
my $total = 0;
$total += scalar @{ $index->{$_} } for sort keys %$index;
for my $key (grep { next_number() % 2 } sort keys %$index) {
    delete $index->{$key};
}
$total += text_work(int(120000 * $scale));
my @sorted = sort { $a cmp $b } map { sprintf "%08x", next_number() } 1 .. int(50000 * $scale);
print $total + @sorted, "\n";
