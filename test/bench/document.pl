# document.pl EXAMPLE|- BYTES YAML JSON: writes a contract of about so many bytes as YAML, and the same as JSON.
# The objects of an example of the standard are repeated under other names; "-" stands for an object that is written
# below. What is read is the plain block style in which that example is written, and nothing else of YAML.
use strict;
use warnings;
use JSON::PP;

my ($example, $bytes, $yaml_file, $json_file) = @ARGV;

my $head = <<'END';
version: "1.0.0"
apiVersion: "v3.1.0"
id: "6aeafdc1-ed62-4c8f-bf0a-da1061c98cdb"
status: active
kind: "DataContract"
schema:
END
my $object = qq(  - name: "orders"\n    physicalName: "orders"\n    properties:\n) . join '', map { <<END } 1 .. 12;
    - name: "column$_"
      logicalType: "string"
      physicalType: "varchar(50)"
      description: "What is to be known of the column with the number $_."
      logicalTypeOptions:
        maxLength: 50
        pattern: "^[A-Z]+\$"
      required: true
END

# The blocks of text of the objects below "schema:".
sub objects_of
{
	my ($file) = @_;

	open my $in, '<', $file or die "$file: $!\n";
	local $/ = undef;
	my ($schema) = <$in> =~ /^schema: *\n((?:[ ].*\n)+)/m or die "$file: no schema\n";
	return grep { length } split /^(?=  - name: )/m, $schema;
}

sub scalar_of
{
	my ($text) = @_;

	return JSON::PP->new->allow_nonref->decode($text) if $text =~ /^"/;
	return $text eq 'true' ? JSON::PP::true : JSON::PP::false if $text =~ /^(?:true|false)$/;
	return $text + 0 if $text =~ /^-?[0-9]+$/;
	return {} if $text eq '{}';
	return [$1] if $text =~ /^\['(\w+)'\]$/;
	die "cannot read: $text\n" unless $text =~ /^[A-Za-z]/;
	return $text;
}

# Reads the value whose lines begin with so many blanks, or a list's dash there.
sub block
{
	my ($lines, $indent) = @_;
	my $value;

	while (@$lines && $lines->[0] =~ /^( *)(- )?(\w+): *(.*)$/ && length $1 == $indent)
	{
		my ($dash, $key, $text) = ($2, $3, $4);

		if ($dash)
		{
			$lines->[0] =~ s/- /  /;
			push @$value, block($lines, $indent + 2);
			next;
		}
		last if ref $value eq 'ARRAY';
		shift @$lines;
		my ($below) = @$lines ? $lines->[0] =~ /^( *)/ : ('');
		$value->{$key} = length $text ? scalar_of($text) : block($lines, length $below);
	}
	return $value;
}

# A text that goes on in the next line is put into one.
sub tree
{
	my ($text) = @_;

	$text =~ s/\\\n *\\?//g;
	$text =~ s/^(\s*(?:- )?\w+: "(?:[^"\\]|\\.)*)\n +((?:[^"\\]|\\.)*")/$1 $2/mg;
	my @lines = split /\n/, $text;
	my $value = block(\@lines, 2);
	die "cannot read: $lines[0]\n" if @lines;
	return $value->[0];
}

my @objects = $example eq '-' ? ($object) : objects_of($example);
my @trees = map { tree($_) } @objects;
my ($yaml, @json) = ($head);
for (my $i = 0; length($yaml) + length($objects[$i % @objects]) < $bytes; $i++)
{
	my ($text, %tree) = ($objects[$i % @objects], %{ $trees[$i % @objects] });

	$text =~ s/^(\s+(?:- name|physicalName): "\w+)"/$1_$i"/ for $text;
	$text =~ s/^(    physicalName: "\w+)"/$1_$i"/m;
	$tree{$_} .= "_$i" for qw(name physicalName);
	$yaml .= $text;
	push @json, \%tree;
}
my %document = (%{ block([ grep { !/^schema/ } split /\n/, $head ], 0) }, schema => \@json);

open my $out, '>', $yaml_file or die "$yaml_file: $!\n";
print $out $yaml;
close $out;
open $out, '>', $json_file or die "$json_file: $!\n";
print $out JSON::PP->new->canonical->encode(\%document);
close $out;
