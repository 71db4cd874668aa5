/* PacketAdapter, the ABI between Polyhub and its protocol modules: everything at once.
 * A module may as well include only the capabilities that it uses.
 */
#ifndef POLYHUB_PACKET_ADAPTER_H
#define POLYHUB_PACKET_ADAPTER_H

#include "pa_auth.h"
#include "pa_certificate.h"
#include "pa_command.h"
#include "pa_core.h"
#include "pa_datagram.h"
#include "pa_handover.h"
#include "pa_ipv6.h"
#include "pa_ipv6_link.h"
#include "pa_log.h"
#include "pa_metric.h"
#include "pa_option.h"
#include "pa_packet.h"
#include "pa_password.h"
#include "pa_permission.h"
#include "pa_psk.h"
#include "pa_session.h"
#include "pa_store.h"
#include "pa_stream.h"
#include "pa_thread_check.h"
#include "pa_timer.h"

#endif
