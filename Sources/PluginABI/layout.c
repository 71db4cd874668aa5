/* Pins the layout of every struct of the ABI on 64-bit machines. A change to a line below is a change of the
 * ABI, which CONVENTIONS.md forbids under the same name.
 */
#include <stddef.h>
#include "polyhub/packet_adapter.h"

#define SIZE(type, octets) \
    _Static_assert(sizeof(type) == (octets), "the size of " #type " is part of the ABI")
#define AT(type, field, offset) \
    _Static_assert(offsetof(type, field) == (offset), "the place of " #type "." #field " is part of the ABI")

SIZE(pa_evidence_v1, 104);
AT(pa_evidence_v1, kind, 4);
AT(pa_evidence_v1, name, 8);
AT(pa_evidence_v1, secret, 24);
AT(pa_evidence_v1, challenge, 40);
AT(pa_evidence_v1, certificate, 56);
AT(pa_evidence_v1, remote, 72);
AT(pa_evidence_v1, protocol, 80);
AT(pa_evidence_v1, software, 88);
AT(pa_evidence_v1, continues, 96);

SIZE(pa_verdict_v1, 88);
AT(pa_verdict_v1, code, 4);
AT(pa_verdict_v1, identity, 8);
AT(pa_verdict_v1, user, 16);
AT(pa_verdict_v1, hub, 24);
AT(pa_verdict_v1, sentence, 32);
AT(pa_verdict_v1, response, 40);
AT(pa_verdict_v1, receive_key, 56);
AT(pa_verdict_v1, send_key, 72);

SIZE(pa_auth_host_v1, 32);
AT(pa_auth_host_v1, reserved, 4);
AT(pa_auth_host_v1, ask, 8);
AT(pa_auth_host_v1, withdraw, 16);
AT(pa_auth_host_v1, release, 24);

SIZE(pa_auth_module_v1, 16);
AT(pa_auth_module_v1, reserved, 4);
AT(pa_auth_module_v1, decided, 8);

SIZE(pa_certificate_host_v1, 24);
AT(pa_certificate_host_v1, reserved, 4);
AT(pa_certificate_host_v1, server, 8);
AT(pa_certificate_host_v1, public_name, 16);

SIZE(pa_certificate_module_v1, 16);
AT(pa_certificate_module_v1, reserved, 4);
AT(pa_certificate_module_v1, changed, 8);

SIZE(pa_argument_v1, 24);
AT(pa_argument_v1, type, 4);
AT(pa_argument_v1, name, 8);
AT(pa_argument_v1, help, 16);

SIZE(pa_command_v1, 48);
AT(pa_command_v1, result, 4);
AT(pa_command_v1, name, 8);
AT(pa_command_v1, help, 16);
AT(pa_command_v1, arguments, 24);
AT(pa_command_v1, argument_count, 32);
AT(pa_command_v1, reserved, 36);
AT(pa_command_v1, function, 40);

SIZE(pa_command_module_v1, 16);
AT(pa_command_module_v1, count, 4);
AT(pa_command_module_v1, commands, 8);

SIZE(pa_octets_v1, 16);
AT(pa_octets_v1, length, 8);

SIZE(pa_host_v1, 40);
AT(pa_host_v1, abi_major, 4);
AT(pa_host_v1, abi_minor, 6);
AT(pa_host_v1, host, 8);
AT(pa_host_v1, version, 16);
AT(pa_host_v1, capability, 24);
AT(pa_host_v1, explain, 32);

SIZE(pa_module_v1, 72);
AT(pa_module_v1, reserved, 4);
AT(pa_module_v1, state, 8);
AT(pa_module_v1, capability, 16);
AT(pa_module_v1, start, 24);
AT(pa_module_v1, enter_lane, 32);
AT(pa_module_v1, close_lane, 40);
AT(pa_module_v1, leave_lane, 48);
AT(pa_module_v1, stop, 56);
AT(pa_module_v1, destroy, 64);

SIZE(pa_descriptor_v1, 72);
AT(pa_descriptor_v1, size, 4);
AT(pa_descriptor_v1, abi_major, 8);
AT(pa_descriptor_v1, abi_minor, 10);
AT(pa_descriptor_v1, flags, 12);
AT(pa_descriptor_v1, id, 16);
AT(pa_descriptor_v1, name, 24);
AT(pa_descriptor_v1, version, 32);
AT(pa_descriptor_v1, vendor, 40);
AT(pa_descriptor_v1, description, 48);
AT(pa_descriptor_v1, default_listeners, 56);
AT(pa_descriptor_v1, create, 64);

SIZE(pa_datagram_host_v1, 56);
AT(pa_datagram_host_v1, reserved, 4);
AT(pa_datagram_host_v1, send, 8);
AT(pa_datagram_host_v1, send_copy, 16);
AT(pa_datagram_host_v1, hand_over, 24);
AT(pa_datagram_host_v1, open, 32);
AT(pa_datagram_host_v1, close, 40);
AT(pa_datagram_host_v1, local_address, 48);

SIZE(pa_datagram_module_v1, 32);
AT(pa_datagram_module_v1, reserved, 4);
AT(pa_datagram_module_v1, pinning, 8);
AT(pa_datagram_module_v1, listening, 16);
AT(pa_datagram_module_v1, received, 24);

SIZE(pa_held_v1, 24);
AT(pa_held_v1, reserved, 4);
AT(pa_held_v1, handle, 8);
AT(pa_held_v1, token, 16);

SIZE(pa_handover_record_v1, 56);
AT(pa_handover_record_v1, version, 4);
AT(pa_handover_record_v1, connection, 8);
AT(pa_handover_record_v1, octets, 16);
AT(pa_handover_record_v1, objects, 32);
AT(pa_handover_record_v1, held, 40);
AT(pa_handover_record_v1, object_count, 48);
AT(pa_handover_record_v1, held_count, 52);

SIZE(pa_handover_module_v1, 56);
AT(pa_handover_module_v1, newest, 4);
AT(pa_handover_module_v1, oldest, 8);
AT(pa_handover_module_v1, reserved, 12);
AT(pa_handover_module_v1, export_lane, 16);
AT(pa_handover_module_v1, import, 24);
AT(pa_handover_module_v1, import_ended, 32);
AT(pa_handover_module_v1, owns, 40);
AT(pa_handover_module_v1, remaining, 48);

SIZE(pa_log_host_v1, 24);
AT(pa_log_host_v1, reserved, 4);
AT(pa_log_host_v1, is_enabled, 8);
AT(pa_log_host_v1, write, 16);

SIZE(pa_metric_host_v1, 24);
AT(pa_metric_host_v1, reserved, 4);
AT(pa_metric_host_v1, declare, 8);
AT(pa_metric_host_v1, add, 16);

SIZE(pa_option_v1, 64);
AT(pa_option_v1, type, 4);
AT(pa_option_v1, flags, 8);
AT(pa_option_v1, reserved, 12);
AT(pa_option_v1, key, 16);
AT(pa_option_v1, fallback, 24);
AT(pa_option_v1, accepts, 32);
AT(pa_option_v1, help, 40);
AT(pa_option_v1, minimum, 48);
AT(pa_option_v1, maximum, 56);

SIZE(pa_option_host_v1, 40);
AT(pa_option_host_v1, reserved, 4);
AT(pa_option_host_v1, string, 8);
AT(pa_option_host_v1, integer, 16);
AT(pa_option_host_v1, boolean, 24);
AT(pa_option_host_v1, strings, 32);

SIZE(pa_option_module_v1, 24);
AT(pa_option_module_v1, count, 4);
AT(pa_option_module_v1, options, 8);
AT(pa_option_module_v1, changed, 16);

SIZE(pa_slice_v1, 16);
AT(pa_slice_v1, length, 8);
AT(pa_slice_v1, headroom, 12);
AT(pa_slice_v1, tailroom, 14);

SIZE(pa_address_v1, 24);
AT(pa_address_v1, reserved, 1);
AT(pa_address_v1, port, 2);
AT(pa_address_v1, scope, 4);
AT(pa_address_v1, octets, 8);

SIZE(pa_datagram_v1, 32);
AT(pa_datagram_v1, remote, 16);
AT(pa_datagram_v1, local, 24);

SIZE(pa_session_request_v1, 120);
AT(pa_session_request_v1, layer, 4);
AT(pa_session_request_v1, identity, 8);
AT(pa_session_request_v1, mtu, 16);
AT(pa_session_request_v1, headroom, 20);
AT(pa_session_request_v1, tailroom, 22);
AT(pa_session_request_v1, protocol, 24);
AT(pa_session_request_v1, cipher, 32);
AT(pa_session_request_v1, software, 40);
AT(pa_session_request_v1, host_name, 48);
AT(pa_session_request_v1, instance, 56);
AT(pa_session_request_v1, remote, 72);
AT(pa_session_request_v1, wish, 96);

SIZE(pa_route_v1, 40);
AT(pa_route_v1, prefix, 1);
AT(pa_route_v1, reserved, 2);
AT(pa_route_v1, network, 8);
AT(pa_route_v1, gateway, 24);

SIZE(pa_session_parameters_v1, 112);
AT(pa_session_parameters_v1, prefix, 4);
AT(pa_session_parameters_v1, address, 8);
AT(pa_session_parameters_v1, gateway, 32);
AT(pa_session_parameters_v1, dns, 56);
AT(pa_session_parameters_v1, wins, 64);
AT(pa_session_parameters_v1, routes, 72);
AT(pa_session_parameters_v1, dns_count, 80);
AT(pa_session_parameters_v1, wins_count, 84);
AT(pa_session_parameters_v1, route_count, 88);
AT(pa_session_parameters_v1, lease_seconds, 92);
AT(pa_session_parameters_v1, mtu, 96);
AT(pa_session_parameters_v1, reserved, 100);
AT(pa_session_parameters_v1, domain, 104);

SIZE(pa_session_host_v1, 48);
AT(pa_session_host_v1, reserved, 4);
AT(pa_session_host_v1, open, 8);
AT(pa_session_host_v1, withdraw, 16);
AT(pa_session_host_v1, receive, 24);
AT(pa_session_host_v1, update, 32);
AT(pa_session_host_v1, close, 40);

SIZE(pa_session_module_v1, 40);
AT(pa_session_module_v1, reserved, 4);
AT(pa_session_module_v1, opened, 8);
AT(pa_session_module_v1, refused, 16);
AT(pa_session_module_v1, transmit, 24);
AT(pa_session_module_v1, closed, 32);

SIZE(pa_ipv6_parameters_v1, 96);
AT(pa_ipv6_parameters_v1, prefix, 4);
AT(pa_ipv6_parameters_v1, address, 8);
AT(pa_ipv6_parameters_v1, gateway, 32);
AT(pa_ipv6_parameters_v1, dns, 56);
AT(pa_ipv6_parameters_v1, routes, 64);
AT(pa_ipv6_parameters_v1, dns_count, 72);
AT(pa_ipv6_parameters_v1, route_count, 76);
AT(pa_ipv6_parameters_v1, mtu, 80);
AT(pa_ipv6_parameters_v1, reserved, 84);
AT(pa_ipv6_parameters_v1, domain, 88);

SIZE(pa_ipv6_host_v1, 24);
AT(pa_ipv6_host_v1, reserved, 4);
AT(pa_ipv6_host_v1, lease, 8);
AT(pa_ipv6_host_v1, link, 16);

SIZE(pa_ipv6_module_v1, 16);
AT(pa_ipv6_module_v1, reserved, 4);
AT(pa_ipv6_module_v1, changed, 8);

SIZE(pa_ipv6_link_host_v1, 16);
AT(pa_ipv6_link_host_v1, reserved, 4);
AT(pa_ipv6_link_host_v1, expect, 8);

SIZE(pa_permission_host_v1, 16);
AT(pa_permission_host_v1, reserved, 4);
AT(pa_permission_host_v1, ask, 8);

SIZE(pa_new_password_v1, 40);
AT(pa_new_password_v1, reserved, 4);
AT(pa_new_password_v1, softether, 8);
AT(pa_new_password_v1, nt_hash, 24);

SIZE(pa_password_host_v1, 16);
AT(pa_password_host_v1, reserved, 4);
AT(pa_password_host_v1, change, 8);

SIZE(pa_psk_v1, 40);
AT(pa_psk_v1, key, 16);
AT(pa_psk_v1, hub, 32);

SIZE(pa_psk_host_v1, 16);
AT(pa_psk_host_v1, reserved, 4);
AT(pa_psk_host_v1, keys, 8);

SIZE(pa_psk_module_v1, 16);
AT(pa_psk_module_v1, reserved, 4);
AT(pa_psk_module_v1, changed, 8);

SIZE(pa_store_host_v1, 24);
AT(pa_store_host_v1, reserved, 4);
AT(pa_store_host_v1, get, 8);
AT(pa_store_host_v1, put, 16);

SIZE(pa_stream_facts_v1, 112);
AT(pa_stream_facts_v1, is_tls, 4);
AT(pa_stream_facts_v1, remote, 8);
AT(pa_stream_facts_v1, local, 32);
AT(pa_stream_facts_v1, tls_version, 56);
AT(pa_stream_facts_v1, tls_cipher, 64);
AT(pa_stream_facts_v1, server_name, 72);
AT(pa_stream_facts_v1, presented_certificate, 80);
AT(pa_stream_facts_v1, peer_certificate, 96);

SIZE(pa_stream_host_v1, 48);
AT(pa_stream_host_v1, reserved, 4);
AT(pa_stream_host_v1, write, 8);
AT(pa_stream_host_v1, write_copy, 16);
AT(pa_stream_host_v1, close, 24);
AT(pa_stream_host_v1, facts, 32);
AT(pa_stream_host_v1, move, 40);

SIZE(pa_stream_module_v1, 48);
AT(pa_stream_module_v1, reserved, 4);
AT(pa_stream_module_v1, claim, 8);
AT(pa_stream_module_v1, opened, 16);
AT(pa_stream_module_v1, received, 24);
AT(pa_stream_module_v1, writable, 32);
AT(pa_stream_module_v1, closed, 40);

SIZE(pa_thread_check_host_v1, 24);
AT(pa_thread_check_host_v1, reserved, 4);
AT(pa_thread_check_host_v1, is_lane, 8);
AT(pa_thread_check_host_v1, is_control, 16);

SIZE(pa_timer_host_v1, 48);
AT(pa_timer_host_v1, reserved, 4);
AT(pa_timer_host_v1, now, 8);
AT(pa_timer_host_v1, wall_seconds, 16);
AT(pa_timer_host_v1, arm, 24);
AT(pa_timer_host_v1, disarm, 32);
AT(pa_timer_host_v1, random, 40);

SIZE(pa_timer_module_v1, 16);
AT(pa_timer_module_v1, reserved, 4);
AT(pa_timer_module_v1, expired, 8);
