#!/usr/bin/env escript
%% t/otp.escript - runs scenarios of supervision (t/otp.py) on Erlang/OTP's own
%% supervisor, and prints what happens, so that Acta's machine can be compared
%% with it (t/helper-otp.c runs the same). Usage: otp.escript FILE
%%! +S 1 -noinput
-module(otp).
-mode(compile).
-export([main/1, init/1, start_worker/3, start_instance/3, start_sup/2,
	 worker/4]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Text} = file:read_file(File),
    Lines = [string:lexemes(L, " ") ||
		L <- string:lexemes(binary_to_list(Text), "\n")],
    lists:foreach(fun(S) -> io:put_chars(scenario(S)) end, split(Lines)).

split([]) -> [];
split([["scenario" | _] = Head | Rest]) ->
    {Body, More} = lists:splitwith(fun([W | _]) -> W =/= "scenario" end, Rest),
    [[Head | Body] | split(More)].

scenario([["scenario", Name] | Body]) ->
    process_flag(trap_exit, true),
    W = ets:new(world, [public, set]),
    Log = spawn(fun() -> log_loop(W, [], []) end),
    ets:insert(W, {log, Log}),
    run(Body, W),
    case ets:lookup(W, {sup, "s0"}) of
	[{_, Pid}] -> stop_top(Pid);
	[] -> ok
    end,
    flush_exits(),
    settle(W),
    Events = call(W, take),
    Log ! stop,
    ets:delete(W),
    [["scenario ", Name, "\n"], lists:join("\n", Events), "\n"].

flush_exits() ->
    receive {'EXIT', _, _} -> flush_exits() after 0 -> ok end.

stop_top(Pid) ->
    Mon = monitor(process, Pid),
    exit(Pid, shutdown),
    receive {'DOWN', Mon, process, Pid, _} -> ok end.

%% ---------------------------------------------------------------- the log

call(W, What) ->
    [{log, Log}] = ets:lookup(W, log),
    Ref = make_ref(),
    Log ! {self(), Ref, What},
    receive {Ref, Answer} -> Answer end.

note(W, Format, Args) -> call(W, {note, io_lib:format(Format, Args)}).

%% Live: [{Pid, Id, N}]. A process that ends by itself says so first; of one that
%% was killed we hear when it pleases the scheduler, which may be after others
%% have acted on it: so before anything is noted, those that are dead are.
log_loop(W, Live0, Events0) ->
    receive
	{trace, Pid, exit, Reason} ->
	    {Live, Events} = ended(Pid, Reason, Live0, Events0),
	    log_loop(W, Live, Events);
	{trace, _, _, _} -> log_loop(W, Live0, Events0);
	{trace, _, _, _, _} -> log_loop(W, Live0, Events0);
	{From, Ref, What} ->
	    {Live, Events} = reap(Live0, Live0, Events0),
	    case What of
		{note, Text} ->
		    From ! {Ref, ok},
		    log_loop(W, Live, [Text | Events]);
		{starting, Id} ->
		    {How, N} = next_start(W, Id),
		    From ! {Ref, {How, N}},
		    log_loop(W, Live, [io_lib:format("start ~s ~s", [Id, How])
				       | Events]);
		{ending, Pid, Reason} ->
		    {Live1, Events1} = ended(Pid, Reason, Live, Events),
		    From ! {Ref, ok},
		    log_loop(W, Live1, Events1);
		{up, Pid, Id, N} ->
		    erlang:trace(Pid, true, [procs]),
		    ets:insert(W, {{pid, Id}, Pid}),
		    ets:insert(W, {Pid, Id, N}),
		    From ! {Ref, ok},
		    log_loop(W, [{Pid, Id, N} | Live], Events);
		count ->
		    From ! {Ref, length(Events)},
		    log_loop(W, Live, Events);
		take ->
		    From ! {Ref, lists:reverse(Events)},
		    log_loop(W, Live, Events)
	    end;
	stop -> ok
    end.

reap([], Live, Events) -> {Live, Events};
reap([{Pid, _, _} | Rest], Live, Events) ->
    case is_process_alive(Pid) of
	true -> reap(Rest, Live, Events);
	false ->
	    receive {trace, Pid, exit, Reason} ->
		    {Live1, Events1} = ended(Pid, Reason, Live, Events),
		    reap(Rest, Live1, Events1)
	    end
    end.

ended(Pid, Reason, Live, Events) ->
    case lists:keyfind(Pid, 1, Live) of
	{Pid, Id, _} ->
	    Text = case Reason of
		       {shutdown, _} -> "shutx";
		       _ -> atom_to_list(Reason)
		   end,
	    {lists:keydelete(Pid, 1, Live),
	     [io_lib:format("exit ~s ~s", [Id, Text]) | Events]};
	false -> {Live, Events}
    end.

next_start(W, Id) ->
    ets:update_counter(W, starts, 1, {starts, 0}),
    N = ets:update_counter(W, {count, Id}, 1, {{count, Id}, 0}),
    case ets:lookup(W, {next, Id}) of
	[{_, [How | Rest]}] ->
	    ets:insert(W, {{next, Id}, Rest}),
	    {How, N};
	_ -> {"ok", N}
    end.

%% ------------------------------------------------------------ the children

start_worker(_, W, Id) -> start(W, Id).
start_instance(W, _, Id) -> start(W, Id).

start(W, Id) ->
    case call(W, {starting, Id}) of
	{"ok", N} -> proc_lib:start_link(?MODULE, worker, [self(), W, Id, N]);
	{"ignore", _} -> ignore;
	{"slow", _} -> timer:sleep(60), {error, scripted};
	{_, _} -> {error, scripted}
    end.

worker(_Parent, W, Id, N) ->
    process_flag(trap_exit, true),
    call(W, {up, self(), Id, N}),
    proc_lib:init_ack({ok, self()}),
    worker_loop(W, false, none).

worker_loop(W, Deaf, Bye) ->
    receive
	{die, "normal"} -> leave(W, normal);
	{die, "shutdown"} -> leave(W, shutdown);
	{die, "shutx"} -> leave(W, {shutdown, x});
	{die, "crash"} -> leave(W, crash);
	{deaf, From} -> From ! ok, worker_loop(W, true, Bye);
	{bye, From, Reason} -> From ! ok, worker_loop(W, Deaf, Reason);
	{'EXIT', _, _} when Deaf -> worker_loop(W, Deaf, Bye);
	{'EXIT', _, Reason} when Bye =:= none -> leave(W, Reason);
	{'EXIT', _, _} -> leave(W, list_to_atom(Bye))
    end.

leave(W, Reason) ->
    call(W, {ending, self(), Reason}),
    exit(Reason).

%% --------------------------------------------------------- the supervisors

start_sup(W, Id) ->
    case supervisor:start_link(?MODULE, {W, Id}) of
	{ok, Pid} -> ets:insert(W, {Pid, Id, 0}), {ok, Pid};
	Other -> Other
    end.

init({W, Id}) ->
    ets:insert(W, {{sup, Id}, self()}),
    [{_, Flags, Specs}] = ets:lookup(W, {def, Id}),
    {ok, {Flags, [spec(W, Flags, S) || S <- Specs]}}.

flags([Strategy, Intensity, Period, Auto]) ->
    #{strategy => list_to_atom(Strategy),
      intensity => list_to_integer(Intensity),
      period => list_to_integer(Period),
      auto_shutdown => list_to_atom(Auto)}.

shutdown_of("brutal") -> brutal_kill;
shutdown_of("infinity") -> infinity;
shutdown_of(Ms) -> list_to_integer(Ms).

spec(W, Flags, [Id, Type, Restart, Shutdown, Significant | _]) ->
    #{id => Id,
      start => case {Type, Flags} of
		   {"sup", _} -> {?MODULE, start_sup, [W, Id]};
		   {_, #{strategy := simple_one_for_one}} ->
		       {?MODULE, start_instance, [W, Id]};
		   _ -> {?MODULE, start_worker, [Id, W, Id]}
	       end,
      restart => list_to_atom(Restart),
      shutdown => shutdown_of(Shutdown),
      significant => list_to_atom(Significant),
      type => case Type of "sup" -> supervisor; _ -> worker end}.

%% --------------------------------------------------------------- the script

%% sup ID FLAGS... ; spec PARENT ID TYPE RESTART SHUTDOWN SIGNIFICANT ; begin
run([["sup", Id | Flags] | Rest], W) ->
    ets:insert(W, {{def, Id}, flags(Flags), []}),
    Order = case ets:lookup(W, order) of [{_, O}] -> O; [] -> [] end,
    ets:insert(W, {order, Order ++ [Id]}),
    run(Rest, W);
run([["spec", Parent | Spec] | Rest], W) ->
    [{Key, Flags, Specs}] = ets:lookup(W, {def, Parent}),
    ets:insert(W, {Key, Flags, Specs ++ [Spec]}),
    run(Rest, W);
run([["begin"] | Rest], W) ->
    case start_sup(W, "s0") of
	{ok, _} -> note(W, "begin ok", []);
	Error -> note(W, "begin ~s", [word(Error)])
    end,
    settle(W),
    dump(W),
    run(Rest, W);
run([["change", Id | Flags] | Rest], W) ->
    {Specs, [["end"] | More]} =
	lists:splitwith(fun([Word | _]) -> Word =/= "end" end, Rest),
    [Old] = ets:lookup(W, {def, Id}),
    ets:insert(W, {{def, Id}, flags(Flags), [S || ["spec", _ | S] <- Specs]}),
    Pid = sup(W, Id),
    Answer = case is_pid(Pid) andalso is_process_alive(Pid) of
		 false -> noproc;
		 true ->
		     ok = sys:suspend(Pid),
		     A = sys:change_code(Pid, supervisor, vsn, []),
		     ok = sys:resume(Pid),
		     A
	     end,
    case Answer of ok -> ok; _ -> ets:insert(W, Old) end,
    note(W, "change ~s", [word(Answer)]),
    settle(W),
    dump(W),
    run(More, W);
%% !N STEP: do not wait until all is at rest, but for N starts.
run([["!" ++ Count | Step] | Rest], W) ->
    Before = starts(W),
    Answer = step(Step, W),
    [note(W, "~s ~s", [lists:join(" ", Step), word(Answer)])
     || Answer =/= none],
    wait_for(W, Before + list_to_integer(Count)),
    run(Rest, W);
run([Step | Rest], W) ->
    Answer = step(Step, W),
    settle(W),
    [note(W, "~s ~s", [lists:join(" ", Step), word(Answer)])
     || Answer =/= none],
    dump(W),
    run(Rest, W);
run([], _) -> ok.

wait_for(W, Count) ->
    case starts(W) of
	N when N >= Count -> ok;
	_ -> timer:sleep(1), wait_for(W, Count)
    end.

starts(W) -> ets:update_counter(W, starts, 0, {starts, 0}).

sup(W, Id) ->
    case ets:lookup(W, {sup, Id}) of
	[{_, Pid}] -> Pid;
	[] -> none
    end.

is_simple(W, Id) ->
    [{_, Flags, _}] = ets:lookup(W, {def, Id}),
    maps:get(strategy, Flags) =:= simple_one_for_one.

ask(Fun) ->
    try Fun()
    catch exit:_ -> noproc
    end.

step(["start", Parent, Id | Spec], W) ->
    [{_, Flags, _}] = ets:lookup(W, {def, Parent}),
    Arg = case is_simple(W, Parent) of
	      true -> [Id];
	      false -> spec(W, Flags, [Id, "worker" | Spec])
	  end,
    case ask(fun() -> supervisor:start_child(sup(W, Parent), Arg) end) of
	{ok, Pid} when is_pid(Pid) -> {ok, up};
	Other -> Other
    end;
step(["restart", Parent, Id], W) ->
    case ask(fun() -> supervisor:restart_child(sup(W, Parent), Id) end) of
	{ok, Pid} when is_pid(Pid) -> {ok, up};
	Other -> Other
    end;
step(["delete", Parent, Id], W) ->
    ask(fun() -> supervisor:delete_child(sup(W, Parent), Id) end);
step(["terminate", Parent, Id], W) ->
    Arg = name_of(W, Parent, Id),
    ask(fun() -> supervisor:terminate_child(sup(W, Parent), Arg) end);
step(["count", Parent], W) ->
    case ask(fun() -> supervisor:count_children(sup(W, Parent)) end) of
	noproc -> noproc;
	Counts -> {counts, [V || {_, V} <- Counts]}
    end;
step(["childspec", Parent, Id], W) ->
    Arg = name_of(W, Parent, Id),
    case ask(fun() -> supervisor:get_childspec(sup(W, Parent), Arg) end) of
	{ok, #{restart := R, shutdown := S, significant := Sig, type := T}} ->
	    {text, io_lib:format("~s ~p ~s ~s", [R, S, Sig, T])};
	Other -> Other
    end;
step(["which", Parent], W) ->
    case ask(fun() -> supervisor:which_children(sup(W, Parent)) end) of
	noproc -> noproc;
	Children -> {text, children(W, Parent, Children)}
    end;
step(["next", Id | Hows], W) ->
    ets:insert(W, {{next, Id}, Hows}),
    none;
step(["sleep", Ms], _) -> timer:sleep(list_to_integer(Ms)), none;
step(["stop"], W) ->
    case sup(W, "s0") of
	Pid when is_pid(Pid) -> stop_top(Pid);
	_ -> ok
    end,
    none;
step(["die", Id, Reason], W) ->
    case ets:lookup(W, {pid, Id}) of
	[{_, Pid}] ->
	    Mon = monitor(process, Pid),
	    case Reason of
		"kill" -> exit(Pid, kill);
		_ -> Pid ! {die, Reason}
	    end,
	    receive {'DOWN', Mon, process, Pid, _} -> ok end;
	[] -> ok
    end,
    none;
step(["deaf", Id], W) -> tell(W, Id, {deaf, self()});
step(["bye", Id, Reason], W) -> tell(W, Id, {bye, self(), Reason}).

%% Instances of a template have no id: their pid, if ever they had one.
name_of(W, Parent, Id) ->
    case {is_simple(W, Parent), ets:lookup(W, {pid, Id})} of
	{true, [{_, Pid}]} -> Pid;
	_ -> Id
    end.

tell(W, Id, What) ->
    case ets:lookup(W, {pid, Id}) of
	[{_, Pid}] ->
	    case is_process_alive(Pid) of
		true -> Pid ! What, receive ok -> ok end;
		false -> ok
	    end;
	[] -> ok
    end,
    none.

word(ok) -> "ok";
word({ok, up}) -> "ok up";
word({ok, undefined}) -> "ok undefined";
word({text, Text}) -> Text;
word({counts, Counts}) -> io_lib:format("~w", [Counts]);
word(noproc) -> "noproc";
word({error, {already_started, _}}) -> "already_started";
%% A template that is none or two: OTP 25 answers what it made of the list.
word({error, {error, {ok, {Ids, #{}}}}}) when is_list(Ids) -> "bad_start_spec";
word({error, Term}) -> word_in(Term);
word(Term) -> word_in(Term).

word_in(Term) ->
    Text = lists:flatten(io_lib:format("~p", [Term])),
    Words = ["scripted", "already_present", "running", "restarting",
	     "not_found", "bad_combination", "duplicate_child_name",
	     "invalid_restart_type", "bad_start_spec", "invalid_strategy",
	     "invalid_intensity", "invalid_period", "invalid_auto_shutdown"],
    case [Word || Word <- Words, string:find(Text, Word) =/= nomatch] of
	["scripted" | _] -> "error";
	[Word | _] -> Word;
	[] ->
	    case Term of
		simple_one_for_one -> "simple_one_for_one";
		_ -> Text
	    end
    end.

%% --------------------------------------------------------------- at rest

snapshot(W) ->
    [{order, Order}] = ets:lookup(W, order),
    [{Id, case sup(W, Id) of
	      none -> down;
	      Pid -> case ask(fun() -> supervisor:which_children(Pid) end) of
			 noproc -> down;
			 Children -> Children
		     end
	  end} || Id <- Order].

settle(W) -> settle(W, none, -1).

settle(W, Before, CountBefore) ->
    Now = snapshot(W),
    Count = call(W, count),
    Busy = lists:any(fun({_, down}) -> false;
			({_, Children}) ->
			     lists:keymember(restarting, 2, Children)
		     end, Now),
    if
	Now =:= Before, Count =:= CountBefore, not Busy -> ok;
	true -> settle(W, Now, Count)
    end.

dump(W) ->
    [dump_one(W, Id, Children) || {Id, Children} <- snapshot(W)],
    note(W, " .", []).

dump_one(W, Id, down) -> note(W, " ~s down", [Id]);
dump_one(W, Id, Children) ->
    note(W, " ~s [~s]", [Id, children(W, Id, Children)]).

children(W, Id, Children) ->
    Texts = [child(W, C) || C <- Children],
    Sorted = case is_simple(W, Id) of
		 true -> lists:sort(Texts);
		 false -> Texts
	     end,
    lists:flatten(lists:join(" ", Sorted)).

child(_, {Id, undefined, _, _}) -> io_lib:format("~s:undefined", [Id]);
child(_, {undefined, restarting, _, _}) -> "restarting";
child(_, {Id, restarting, _, _}) -> io_lib:format("~s:restarting", [Id]);
child(W, {_, Pid, _, _}) ->
    case ets:lookup(W, Pid) of
	[{_, Id, 0}] -> io_lib:format("~s:up", [Id]);
	[{_, Id, N}] -> io_lib:format("~s#~w", [Id, N])
    end.
