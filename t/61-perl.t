#!/usr/bin/perl
# Claim: Perl with ZMQ::FFI, and Data::MessagePack or JSON::PP, is a client.
use strict;
use warnings;
use FindBin qw($Bin);

BEGIN {
	exec "/usr/bin/python3", "$Bin/60-node.py", "/usr/bin/perl",
	    "$Bin/61-perl.t"
	    unless $ENV{ACTA_CALL};
}
use Data::MessagePack;
use JSON::PP ();
use Test::More;
use ZMQ::FFI qw(ZMQ_REQ ZMQ_DEALER ZMQ_PUSH ZMQ_SUB);

my $zmq = ZMQ::FFI->new;
my $mp = Data::MessagePack->new->prefer_integer->utf8;

sub connected {
	my ($type, $endpoint) = @_;
	my $socket = $zmq->socket($type);
	$socket->set_linger(0);
	$socket->connect($endpoint);
	return $socket;
}

# The frames of what comes within $seconds, or none.
sub frames {
	my ($socket, $seconds) = @_;
	my $end = time + ($seconds // 10);
	until ($socket->has_pollin) {
		return if time > $end;
		select undef, undef, undef, 0.002;
	}
	return $socket->recv_multipart;
}

sub ask {
	my ($socket, $request) = @_;
	$socket->send($mp->pack($request));
	my @frames = frames($socket) or return;
	return $mp->unpack($frames[-1]);
}

my $req = connected(ZMQ_REQ, $ENV{ACTA_CALL});
my $answer = ask($req, { to => "stock/perl", do => "restock",
	args => { qty => 10 }, id => "perl-1" });
is($answer->{result}{available}, 10, "REQ and MessagePack");
is($answer->{id}, "perl-1", "with its id");
$answer = ask($req, { to => "stock/perl", do => "restock",
	args => { qty => 10 }, id => "perl-1" });
is($answer->{result}{available}, 10, "asked again: applied once");
$answer = ask($req, { to => "stock/perl", do => "reserve",
	args => { qty => 11 } });
is($answer->{error}{code}, "out-of-stock", "a refusal");
is($answer->{error}{text}, "10 left", "with its text");

$req->send('{"to": "stock/perl", "do": "reserve", "args": {"qty": 4}}');
my @json = frames($req);
is_deeply(JSON::PP->new->decode($json[0])->{result}, { left => 6 }, "JSON");

my $dealer = connected(ZMQ_DEALER, $ENV{ACTA_CALL});
$dealer->send_multipart([ "", "mine", $mp->pack({ to => "stock/perl",
	do => "reserve", args => { qty => 1 } }) ]);
my @frames = frames($dealer);
is_deeply([ @frames[0, 1] ], [ "", "mine" ], "DEALER: the envelope is back");
is($mp->unpack($frames[2])->{result}{left}, 5, "and the answer behind it");

my $sub = connected(ZMQ_SUB, $ENV{ACTA_EVENTS});
my $push = connected(ZMQ_PUSH, $ENV{ACTA_PUSH});
$sub->subscribe("stock.reserved/perl");
ask($req, { to => "stock/perl", do => "restock", args => { qty => 1000 } });
my @event;
for (1 .. 100) {
	$push->send($mp->pack({ to => "stock/perl", do => "reserve",
		args => { qty => 1 } }));
	last if @event = frames($sub, 0);
}
is($event[0], "stock.reserved/perl", "push in, event out");
is($mp->unpack($event[1])->{data}{qty}, 1, "with its data") if @event;

done_testing;
