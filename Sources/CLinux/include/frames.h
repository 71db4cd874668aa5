/* Ethernet frames of devices, one whole frame per message or read. Failures are negative errno values. */
#ifndef CLINUX_FRAMES_H
#define CLINUX_FRAMES_H

#include "udp.h"

#define CLINUX_TAP 0u
#define CLINUX_PACKET 1u
#define CLINUX_PAIR 2u

/* Receives at most 64 frames into the lane's buffers: their count, 0 when there is nothing now; -EPIPE when
 * the other end of a pair is closed. */
int clinux_frames_receive(clinux_receiver *receiver, int fd, uint32_t kind, clinux_counters *counters);
pa_slice_v1 *clinux_frames(clinux_receiver *receiver);

/* Why a device will carry no frame again, as a negative errno, or 0 where it may: `result` is what the last
 * clinux_frames_receive gave. An interface that is only down comes back. */
int clinux_frames_lost(int fd, uint32_t kind, int result);

/* Sends the frames; what the device does not take is dropped and counted. */
void clinux_frames_send(clinux_sender *sender, int fd, uint32_t kind, const pa_slice_v1 *frames,
                        uint32_t count, clinux_counters *counters);

/* The same through a socket of bridge_open_sending_socket: TCP segments that continue each other leave as one
 * message, and on the wire as they were. 0 is written to `joins`, which is the interface's, once it has
 * refused such a message, whose segments then leave apart; and nothing is joined where it is 0. */
void clinux_segments_send(clinux_sender *sender, int fd, int32_t *joins, const pa_slice_v1 *frames,
                          uint32_t count, clinux_counters *counters);

#endif
