// @ts-check
// What is asked before a dispatcher ends an order. Pure.

/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */
/** @typedef {"cancel" | "delivered" | "failed"} QuestionName */
/** @typedef {{ customer: string, driver: string, needsReason: boolean }} Subject */
/**
 * `needsReason`: it is nobody's word but the dispatcher's. `reasons`: to choose from.
 * @typedef {object} Question
 * @property {string} title
 * @property {(subject: Subject) => string} words
 * @property {string} submit
 * @property {(desk: Desk, order: Order) => boolean} needsReason
 * @property {(desk: Desk) => string[]} reasons
 * @property {(desk: Desk, orderId: string, reason: string) => Promise<void>} act
 */

/** @type {Record<QuestionName, Question>} */
export const QUESTIONS = {
  cancel: {
    title: "Cancel this order?",
    words: ({ customer, needsReason }) =>
      needsReason
        ? `${customer}’s food is with the driver already. Say why it is cancelled: the driver brings the food back.`
        : `${customer}’s order ends here. The customer sees it at once.`,
    submit: "Cancel order",
    needsReason: ({ fleet }, order) => fleet.isInTheBag(order),
    reasons: () => [],
    act: (desk, orderId, reason) => desk.cancel(orderId, reason),
  },
  delivered: {
    title: "Mark as delivered?",
    words: ({ customer, driver }) =>
      `${driver} has not pressed “delivered” for ${customer}. You say it, with your name in the timeline.`,
    submit: "Mark as delivered",
    needsReason: () => true,
    reasons: () => ["Driver confirmed", "Customer confirmed"],
    act: (desk, orderId, reason) => desk.close(orderId, "delivered", reason),
  },
  failed: {
    title: "Not picked up, or not handed over?",
    words: ({ customer }) =>
      `${customer}’s order ends, or waits for another driver: the reason says which. Your name is in the timeline.`,
    submit: "Mark as failed",
    needsReason: () => true,
    reasons: ({ failureReasons }) => failureReasons,
    act: (desk, orderId, reason) => desk.close(orderId, "failed", reason),
  },
};

/**
 * As a template names one.
 * @param {string | undefined} name
 * @returns {name is QuestionName}
 */
export function isQuestion(name) {
  return name !== undefined && name in QUESTIONS;
}
