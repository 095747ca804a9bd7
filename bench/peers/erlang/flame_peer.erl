%% Both ends of the Erlang peer. The server is a node and nothing more: erpc:call starts a process on it for each call.
%% The client asks it over Erlang's own distribution, and is told what to ask over file descriptor 3 (see lib/foreign.mjs).
-module(flame_peer).
-export([server/0, client/0, add/2, echo/1, sink/1, source/1]).

%% What is called.

add(A, B) -> A + B.
echo(Bytes) -> Bytes.
sink(Bytes) -> byte_size(Bytes).

%% Made once for a length and kept, outside of every heap.
source(Length) ->
    case persistent_term:get(?MODULE, none) of
        Bytes when is_binary(Bytes), byte_size(Bytes) =:= Length -> Bytes;
        _ ->
            Bytes = bytes(Length),
            persistent_term:put(?MODULE, Bytes),
            Bytes
    end.

bytes(Length) -> binary:copy(<<16#5a>>, Length).

%% The two programs.

server() ->
    Port = open(),
    true = is_alive(),
    answer(Port, <<>>),
    until_eof(Port).

client() ->
    Port = open(),
    [Name] = init:get_plain_arguments(),
    Server = list_to_atom(Name),
    case net_kernel:connect_node(Server) of
        true ->
            answer(Port, <<>>),
            serve(Port, Server);
        _ ->
            refuse(Port, io_lib:format("no connection to the node ~s", [Server])),
            until_eof(Port)
    end.

open() -> open_port({fd, 3, 3}, [{packet, 4}, binary, eof]).

until_eof(Port) ->
    receive
        {Port, eof} -> halt(0, [{flush, false}]);
        _ -> until_eof(Port)
    end.

serve(Port, Server) ->
    receive
        {Port, {data, Question}} ->
            try answer(Port, ask(Question, Server))
            catch Class:Reason -> refuse(Port, io_lib:format("~p: ~P", [Class, Reason, 20]))
            end,
            serve(Port, Server);
        {Port, eof} -> halt(0, [{flush, false}])
    end.

answer(Port, Payload) -> port_command(Port, [0, Payload]).
refuse(Port, Words) -> port_command(Port, [1, unicode:characters_to_binary(Words)]).

ask(<<"A", A:64/float-little, B:64/float-little>>, Server) -> double(erpc:call(Server, ?MODULE, add, [A, B]));
ask(<<"E", Bytes/binary>>, Server) -> erpc:call(Server, ?MODULE, echo, [Bytes]);
ask(<<"S", Bytes/binary>>, Server) -> double(erpc:call(Server, ?MODULE, sink, [Bytes]));
ask(<<"O", Length:64/float-little>>, Server) -> erpc:call(Server, ?MODULE, source, [trunc(Length)]);
ask(<<"M", Method, Bytes:64/float-little, InFlight:64/float-little, Ms:64/float-little>>, Server) ->
    measure(calls_of(Method, trunc(Bytes)), trunc(InFlight), trunc(Ms), Server).

double(Number) -> <<Number:64/float-little>>.

%% Of those in flight: the first makes the first of these calls, the next the next, and round again.
calls_of($B, Length) -> [call($S, Length), call($O, Length)];
calls_of(Method, Length) -> [call(Method, Length)].

call($A, _) -> {add, [1, 2]};
call($E, Length) -> {echo, [bytes(Length)]};
call($S, Length) -> {sink, [bytes(Length)]};
call($O, Length) -> {source, [Length]}.

%% As many processes as there are calls in flight, each of which makes one after the other.
measure(Calls, InFlight, Ms, Server) ->
    Self = self(),
    Start = now_ns(),
    Until = Start + Ms * 1000000,
    Body = fun({Function, Arguments}) ->
        Times = calls(Server, Function, Arguments, Until, []),
        Self ! {self(), Times, now_ns()}
    end,
    Of = fun(I) -> lists:nth(I rem length(Calls) + 1, Calls) end,
    Processes = [spawn_monitor(fun() -> Body(Of(I)) end) || I <- lists:seq(0, InFlight - 1)],
    Results = [times(Pid, Monitor) || {Pid, Monitor} <- Processes],
    End = lists:max([Ended || {_, Ended} <- Results]),
    [double((End - Start) / 1.0e9) | [Times || {Times, _} <- Results]].

calls(Server, Function, Arguments, Until, Times) ->
    Sent = now_ns(),
    _ = erpc:call(Server, ?MODULE, Function, Arguments),
    Received = now_ns(),
    More = [Times | double((Received - Sent) / 1000)],
    if
        Received < Until -> calls(Server, Function, Arguments, Until, More);
        true -> More
    end.

times(Pid, Monitor) ->
    receive
        {Pid, Times, Ended} ->
            erlang:demonitor(Monitor, [flush]),
            {Times, Ended};
        {'DOWN', Monitor, process, Pid, Reason} -> error(Reason)
    end.

now_ns() -> erlang:monotonic_time(nanosecond).
